output "id" {
  description = "Magnum's id of the cluster."
  value       = openstack_containerinfra_cluster_v1.kandle.id
}

output "name" {
  description = "The name of the cluster."
  value       = openstack_containerinfra_cluster_v1.kandle.name
}

output "api_address" {
  description = "Where the Kubernetes API answers."
  value       = openstack_containerinfra_cluster_v1.kandle.api_address
}
