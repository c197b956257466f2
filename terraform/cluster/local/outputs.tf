output "context" {
  description = "The context of kubectl's configuration."
  value       = local.context[var.tool]
}

output "next" {
  description = "What to run next."
  value       = "terraform -chdir=terraform/operators init && terraform -chdir=terraform/operators apply -var-file=../environments/local/operators.tfvars -var context=${local.context[var.tool]}"
}
