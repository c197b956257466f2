output "network" {
  description = "The network of the machines."
  value       = openstack_networking_network_v2.machines.name
}

output "subnet" {
  description = "Its subnet."
  value       = openstack_networking_subnet_v2.machines.name
  depends_on  = [openstack_networking_router_interface_v2.machines] # without it the machines reach nothing
}

output "external_network_id" {
  description = "The network that leads outside."
  value       = data.openstack_networking_network_v2.outside.id
}

output "administrators_group" {
  description = "The security group that lets the administrators in."
  value       = openstack_networking_secgroup_v2.administrators.name
}
