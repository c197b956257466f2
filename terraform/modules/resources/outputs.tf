output "names" {
  description = "What there is: kind/namespace/name, in small letters."
  value       = sort(concat(keys(kubernetes_manifest.protected), keys(kubernetes_manifest.free)))
}

output "manifests" {
  description = "The manifests themselves, by the same names."
  value       = local.chosen
}
