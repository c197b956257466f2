output "topics" {
  description = "The topics: kind/namespace/name."
  value       = module.pipeline.topics
}

output "servers" {
  description = "Kafka and Cassandra: kind/namespace/name."
  value       = concat(module.kafka.names, module.cassandra.names)
}

output "next" {
  description = "What to run next."
  value       = "knative/deploy.sh --overlay ${var.small ? "kind" : "production"} --check, then the same without --check"
}
