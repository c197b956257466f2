# Kubernetes by OpenStack Magnum: the control plane, and two groups of machines. The servers' group holds Kafka and
# Cassandra, three of each, never two of one kind on a machine; the functions' group grows and shrinks with the load.
terraform {
  required_version = "~> 1.11"
  required_providers {
    openstack = {
      source  = "terraform-provider-openstack/openstack"
      version = "3.4.0"
    }
  }
}

resource "openstack_compute_keypair_v2" "administrator" {
  name       = var.name
  public_key = var.ssh_public_key # never made here: a private key would stand in the state
}

resource "openstack_containerinfra_clustertemplate_v1" "kandle" {
  name                = var.name
  coe                 = "kubernetes"
  image               = var.image
  external_network_id = var.external_network_id
  fixed_network       = var.network
  fixed_subnet        = var.subnet
  master_flavor       = var.control_plane.flavor
  flavor              = var.servers.flavor
  keypair_id          = openstack_compute_keypair_v2.administrator.id
  docker_volume_size  = var.root_gib
  network_driver      = "calico" # enforces NetworkPolicy, which the manifests rely on
  volume_driver       = "cinder"
  server_type         = "vm"
  master_lb_enabled   = var.control_plane.count > 1
  floating_ip_enabled = var.public_api
  tls_disabled        = false
  insecure_registry   = null
  registry_enabled    = false
  public              = false
  hidden              = false
  labels = {
    kube_tag                      = var.kubernetes_version
    cloud_provider_enabled        = "true"
    cinder_csi_enabled            = "true"
    monitoring_enabled            = "false" # operators/ installs it
    ingress_controller            = ""
    fixed_subnet_cidr             = var.cidr
    master_lb_floating_ip_enabled = tostring(var.public_api)
    extra_security_group          = var.administrators_group
  }
}

resource "openstack_containerinfra_cluster_v1" "kandle" {
  name                = var.name
  cluster_template_id = openstack_containerinfra_clustertemplate_v1.kandle.id
  master_count        = var.control_plane.count
  node_count          = var.servers.count
  keypair             = openstack_compute_keypair_v2.administrator.id
  create_timeout      = 60
}

resource "openstack_containerinfra_nodegroup_v1" "functions" {
  name           = "functions"
  cluster_id     = openstack_containerinfra_cluster_v1.kandle.id
  role           = "functions"
  flavor_id      = var.functions.flavor
  node_count     = var.functions.least
  min_node_count = var.functions.least
  max_node_count = var.functions.most

  lifecycle {
    ignore_changes = [node_count] # the autoscaler's
  }
}
