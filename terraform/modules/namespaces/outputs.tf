output "names" {
  description = "The names of the namespaces."
  value       = sort(keys(kubernetes_namespace_v1.all))
}
