# Root 2 of 3: what the cluster must have before the pipeline's kinds of resources exist: operators, Knative,
# monitoring, storage classes and namespaces. Destroyed after root 3, never before it.
provider "kubernetes" {
  config_path    = local.kubeconfig
  config_context = var.context
}

provider "helm" {
  kubernetes = {
    config_path    = local.kubeconfig
    config_context = var.context
  }
}

locals {
  kubeconfig = pathexpand(var.kubeconfig) # ~ is a word of shells
  manifests  = "${path.module}/../../knative"
}

module "namespaces" {
  source = "../modules/namespaces"
  files = [
    "${local.manifests}/base/000-namespace.yaml",
    "${local.manifests}/components/${var.small ? "one-node" : "kafka"}/kafka.yaml",
    "${local.manifests}/components/${var.small ? "one-node" : "cassandra"}/cassandra.yaml",
  ]
}

module "storage" {
  source       = "../modules/storage-classes"
  provisioner  = var.storage_provisioner
  keep_volumes = var.keep_volumes
}

module "kafka" {
  source        = "../modules/kafka/operator"
  chart_version = var.strimzi_version
  kubeconfig    = local.kubeconfig
  context       = var.context
}

module "cassandra" {
  source               = "../modules/cassandra/operator"
  chart_version        = var.cass_operator_chart
  cert_manager_version = var.cert_manager_version
}

module "knative" {
  source     = "../modules/knative"
  release    = var.knative_release
  kubeconfig = local.kubeconfig
  context    = var.context
}

module "observability" {
  count                = var.monitoring ? 1 : 0
  source               = "../modules/observability"
  chart_version        = var.prometheus_chart
  grafana_version      = var.grafana_version
  grafana_admin_secret = var.grafana_admin_secret
  rules_files          = ["${local.manifests}/monitoring/alerts.yaml"]
  dashboards_folder    = "${path.module}/../../grafana/dashboards"
}

# Destroyed first, because everything it depends on can only go after it: while anything stands whose finalizer one of
# the operators must take away, destroying them would leave it hanging for ever.
resource "terraform_data" "nothing_left" {
  depends_on = [module.namespaces, module.storage, module.kafka, module.cassandra, module.knative, module.observability]
  input = {
    look            = "${path.module}/nothing-left.sh"
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
