# An example: names of images, networks and flavors are your cloud's own (openstack flavor list, image list, …).
external_network = "public"
administrators   = ["198.51.100.0/24"]
image            = "fedora-coreos-43"
ssh_public_key   = "ssh-ed25519 AAAA… you@example.com"
control_plane    = { count = 3, flavor = "m1.medium" }
servers          = { count = 3, flavor = "m1.xlarge" }
functions        = { least = 1, most = 4, flavor = "m1.large" }
