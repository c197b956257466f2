# One small node each; volumes go with the cluster.
small        = true
keep_volumes = false
monitoring   = false # 2 GiB that a laptop may not have
