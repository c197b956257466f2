output "reclaim_policy" {
  description = "What becomes of a volume whose claim is deleted; null where the cluster's own class decides."
  value       = one(kubernetes_storage_class_v1.servers[*].reclaim_policy)
}
