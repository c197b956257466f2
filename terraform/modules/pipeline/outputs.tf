output "topics" {
  description = "The topics: kind/namespace/name."
  value       = module.topics.names
}

output "manifests" {
  description = "The topics' manifests."
  value       = module.topics.manifests
}
