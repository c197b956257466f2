# Object storage for backups of Cassandra and for the archive of raw trades. It outlives the cluster.
terraform {
  required_version = "~> 1.11"
  required_providers {
    openstack = {
      source  = "terraform-provider-openstack/openstack"
      version = "3.4.0"
    }
  }
}

# `prevent_destroy` takes no variable: what is protected and what is not are two resources.
resource "openstack_objectstorage_container_v1" "protected" {
  for_each      = var.protect ? var.names : []
  name          = each.key
  versioning    = true
  force_destroy = false

  lifecycle {
    prevent_destroy = true
  }
}

resource "openstack_objectstorage_container_v1" "free" {
  for_each      = var.protect ? [] : var.names
  name          = each.key
  versioning    = true
  force_destroy = false # one that holds something is not deleted
}
