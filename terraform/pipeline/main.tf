# Root 3 of 3: Kafka, Cassandra and the topics, from the manifests of knative/. Then knative/deploy.sh brings the functions.
provider "kubernetes" {
  config_path    = local.kubeconfig
  config_context = var.context
}

locals {
  kubeconfig = pathexpand(var.kubeconfig) # ~ is a word of shells
  manifests  = "${path.module}/../../knative"
}

module "kafka" {
  source     = "../modules/kafka/servers"
  file       = "${local.manifests}/components/${var.small ? "one-node" : "kafka"}/kafka.yaml"
  users_file = var.small ? null : "${local.manifests}/components/kafka/users.yaml"
  protect    = var.protect_data
  kubeconfig = local.kubeconfig
  context    = var.context
}

module "cassandra" {
  source  = "../modules/cassandra/servers"
  file    = "${local.manifests}/components/${var.small ? "one-node" : "cassandra"}/cassandra.yaml"
  protect = var.protect_data
}

module "pipeline" {
  source      = "../modules/pipeline"
  depends_on  = [module.kafka] # and deleted before Kafka goes: the operator beside it takes their finalizers away
  topics_file = "${local.manifests}/base/020-topics.yaml"
  copies      = var.small ? 1 : 3
  protect     = var.protect_data
}

# Destroyed first: what stands here carries finalizers, and without the operators its deletion would hang.
resource "terraform_data" "operators_there" {
  depends_on = [module.kafka, module.cassandra, module.pipeline]
  input = {
    look            = "${path.module}/operators-there.sh"
    KUBECONFIG_FILE = local.kubeconfig
    CONTEXT         = var.context
  }

  provisioner "local-exec" {
    when    = destroy
    command = self.input.look
    environment = {
      KUBECONFIG_FILE = self.input.KUBECONFIG_FILE
      CONTEXT         = self.input.CONTEXT
    }
  }
}
