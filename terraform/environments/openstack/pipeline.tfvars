small        = false
protect_data = true
