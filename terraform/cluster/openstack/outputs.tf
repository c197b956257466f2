output "backups" {
  description = "The containers for backups and for the archive of raw trades."
  value       = module.backups.names
}

output "next" {
  description = "What to run next."
  value       = "openstack coe cluster config ${module.cluster.name} --dir . && export KUBECONFIG=$PWD/config && kubectl get nodes; then terraform -chdir=terraform/operators init"
}
