output "names" {
  description = "The names of the containers."
  value       = sort(concat([for one in openstack_objectstorage_container_v1.protected : one.name], [for one in openstack_objectstorage_container_v1.free : one.name]))
}
