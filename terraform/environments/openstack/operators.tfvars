small               = false
storage_provisioner = "cinder.csi.openstack.org"
keep_volumes        = true
