# Cassandra itself, as knative/components has it. The operator's finalizer deletes its pods, its services and, unless
# the volumes are kept, its data.
module "datacenter" {
  source  = "../../resources"
  files   = [var.file]
  kinds   = ["CassandraDatacenter"]
  protect = var.protect
  ready   = "Ready"
  within  = "30m"
}

module "network" {
  source     = "../../resources"
  depends_on = [module.datacenter]
  files      = [var.file]
  kinds      = ["NetworkPolicy"]
}
