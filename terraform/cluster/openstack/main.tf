# Root 1 of 3: Kubernetes on an OpenStack cloud, with its network, its machines and object storage.
# The state of this root holds the administrator's certificate of the cluster, because the provider reads it back:
# keep it in a backend that is encrypted and that only administrators read (terraform/README.md, "State").
terraform {
  required_version = "~> 1.11"
  required_providers {
    openstack = {
      source  = "terraform-provider-openstack/openstack"
      version = "3.4.0"
    }
  }
}

# Who we are comes from clouds.yaml or from OS_* variables, never from a file of this repository.
provider "openstack" {
  cloud = var.cloud
}

module "network" {
  source           = "../../modules/network"
  name             = var.name
  external_network = var.external_network
  cidr             = var.cidr
  dns_servers      = var.dns_servers
  administrators   = var.administrators
}

module "cluster" {
  source               = "../../modules/cluster"
  name                 = var.name
  image                = var.image
  kubernetes_version   = var.kubernetes_version
  ssh_public_key       = var.ssh_public_key
  external_network_id  = module.network.external_network_id
  network              = module.network.network
  subnet               = module.network.subnet
  cidr                 = var.cidr
  administrators_group = module.network.administrators_group
  public_api           = var.public_api
  root_gib             = var.root_gib
  control_plane        = var.control_plane
  servers              = var.servers
  functions            = var.functions
}

module "backups" {
  source  = "../../modules/backups"
  names   = ["${var.name}-cassandra-backups", "${var.name}-raw-archive"]
  protect = var.protect_data
}
