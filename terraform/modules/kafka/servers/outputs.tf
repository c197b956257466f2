output "ready" {
  description = "Known when Kafka answers; topics wait for it."
  value       = terraform_data.ready.id
}

output "names" {
  description = "What there is."
  value       = concat(module.servers.names, module.users.names)
}
