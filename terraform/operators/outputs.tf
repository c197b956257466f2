output "namespaces" {
  description = "The namespaces that secrets are put into."
  value       = module.namespaces.names
}

output "next" {
  description = "What to run next."
  value       = "knative/make-secrets.sh --overlay ${var.small ? "kind" : "production"} --finnhub-token FILE, then terraform -chdir=terraform/pipeline init"
}
