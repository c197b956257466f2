output "names" {
  description = "What there is."
  value       = concat(module.datacenter.names, module.network.names)
}
