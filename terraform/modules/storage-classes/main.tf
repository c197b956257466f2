# The class of the volumes of Kafka and Cassandra. `Retain`: when a claim is deleted, by whatever mistake, the volume and
# its data stay, cost money, and can be bound again by hand. `Delete`: they are gone.
resource "kubernetes_storage_class_v1" "servers" {
  count = var.provisioner == null ? 0 : 1

  metadata {
    name        = var.name
    annotations = { "storageclass.kubernetes.io/is-default-class" = "true" }
  }
  storage_provisioner    = var.provisioner
  reclaim_policy         = var.keep_volumes ? "Retain" : "Delete"
  volume_binding_mode    = "WaitForFirstConsumer" # the volume is made in the zone of the machine that wants it
  allow_volume_expansion = true
  parameters             = var.parameters
}
