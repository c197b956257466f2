# Kafka itself, as knative/components has it, and its users. Its topics are the pipeline's (modules/pipeline).
module "servers" {
  source  = "../../resources"
  files   = [var.file]
  kinds   = ["KafkaNodePool", "Kafka"]
  protect = var.protect
  within  = "20m"
}

# Waiting for `Ready` stands on its own: a pool has no such condition.
resource "terraform_data" "ready" {
  depends_on       = [module.servers]
  triggers_replace = [filesha256(var.file)]

  provisioner "local-exec" {
    command = "kubectl --kubeconfig \"$KUBECONFIG_FILE\" --context \"$CONTEXT\" wait --namespace kafka --for=condition=Ready --timeout=1200s kafka/kandle"
    environment = {
      KUBECONFIG_FILE = var.kubeconfig
      CONTEXT         = var.context
    }
  }
}

module "users" {
  source     = "../../resources"
  depends_on = [terraform_data.ready] # and deleted before Kafka goes: the operator in it takes their finalizers away
  files      = var.users_file == null ? [] : [var.users_file]
  kinds      = ["KafkaUser"]
}
