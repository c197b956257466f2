# Strimzi's operator. From 1.0 on it knows the API `v1` alone: what an older release stored in another version would be
# lost to it, so this is looked at before every change of the version.
resource "terraform_data" "stored_versions" {
  triggers_replace = [var.chart_version]

  provisioner "local-exec" {
    command = "${path.module}/check-stored-versions.sh"
    environment = {
      KUBECONFIG_FILE = var.kubeconfig
      CONTEXT         = var.context
      TARGET          = var.chart_version
    }
  }
}

resource "helm_release" "strimzi" {
  depends_on       = [terraform_data.stored_versions]
  name             = "strimzi"
  namespace        = "strimzi"
  create_namespace = true
  repository       = "oci://quay.io/strimzi-helm"
  chart            = "strimzi-kafka-operator"
  version          = var.chart_version
  atomic           = true
  timeout          = 600
  values = [yamlencode({
    watchAnyNamespace = true
    # Topics and users stand in the namespace kandle, Kafka in its own. Since 1.0.1 that wants to be allowed.
    extraEnvs = [{ name = "STRIMZI_ENTITY_OPERATOR_WATCHED_NAMESPACE_ENABLED", value = "true" }]
  })]
}
