# The network of the cluster's machines: one subnet behind one router, and what may enter from outside.
terraform {
  required_version = "~> 1.11"
  required_providers {
    openstack = {
      source  = "terraform-provider-openstack/openstack"
      version = "3.4.0"
    }
  }
}

data "openstack_networking_network_v2" "outside" {
  name     = var.external_network
  external = true
}

resource "openstack_networking_network_v2" "machines" {
  name           = var.name
  admin_state_up = true
}

resource "openstack_networking_subnet_v2" "machines" {
  name            = var.name
  network_id      = openstack_networking_network_v2.machines.id
  cidr            = var.cidr
  ip_version      = 4
  dns_nameservers = var.dns_servers
}

resource "openstack_networking_router_v2" "machines" {
  name                = var.name
  external_network_id = data.openstack_networking_network_v2.outside.id
}

resource "openstack_networking_router_interface_v2" "machines" {
  router_id = openstack_networking_router_v2.machines.id
  subnet_id = openstack_networking_subnet_v2.machines.id
}

# Beside the rules that Magnum itself makes between its machines. Nothing may enter but SSH and the Kubernetes API, and
# both only from the administrators' addresses. What goes out (the feeds, image registries) is free.
resource "openstack_networking_secgroup_v2" "administrators" {
  name        = "${var.name}-administrators"
  description = "SSH and the Kubernetes API, from the administrators' addresses"
}

resource "openstack_networking_secgroup_rule_v2" "administrators" {
  for_each = {
    for pair in setproduct(var.administrators, [22, 6443]) : "${pair[0]} ${pair[1]}" => { from = pair[0], port = pair[1] }
  }
  security_group_id = openstack_networking_secgroup_v2.administrators.id
  direction         = "ingress"
  ethertype         = "IPv4"
  protocol          = "tcp"
  port_range_min    = each.value.port
  port_range_max    = each.value.port
  remote_ip_prefix  = each.value.from
}
