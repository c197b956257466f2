# Knative Serving with Kourier, Knative Eventing, and KafkaSource and KafkaSink, from their projects' release files: the
# same files, in the same order, that the pipeline was tried with. Knative's own operator was not taken: it puts Kourier into
# another namespace than the network policies know, and has no KafkaSink.
resource "terraform_data" "knative" {
  # All that the removal needs: a destroy-time command sees nothing else.
  input = {
    remove          = "${path.module}/knative.sh"
    KUBECONFIG_FILE = var.kubeconfig
    CONTEXT         = var.context
    RELEASE         = var.release
  }
  triggers_replace = [var.release]

  provisioner "local-exec" {
    command = "${path.module}/knative.sh install"
    environment = {
      KUBECONFIG_FILE = var.kubeconfig
      CONTEXT         = var.context
      RELEASE         = var.release
    }
  }
  provisioner "local-exec" {
    when    = destroy
    command = "${self.input.remove} remove"
    environment = {
      KUBECONFIG_FILE = self.input.KUBECONFIG_FILE
      CONTEXT         = self.input.CONTEXT
      RELEASE         = self.input.RELEASE
    }
  }
}

# A poll of KafkaSource brings more of a backlog than as it is installed: docs/decisions/2026-11-30-kafka-source-settings.md.
resource "terraform_data" "kafka_source" {
  triggers_replace = [terraform_data.knative.id, filesha256(local.settings)]

  provisioner "local-exec" {
    command = "${local.settings} --kubeconfig \"$KUBECONFIG_FILE\" --context \"$CONTEXT\""
    environment = {
      KUBECONFIG_FILE = var.kubeconfig
      CONTEXT         = var.context
    }
  }
}

locals {
  settings = "${path.module}/../../../knative/kafka-source-settings.sh"
}
