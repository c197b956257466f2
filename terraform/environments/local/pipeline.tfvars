small        = true
protect_data = false
