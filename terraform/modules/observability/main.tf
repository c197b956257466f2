# Prometheus, its Alertmanager, and Grafana with the Cassandra plugin: the project's own alert rules and dashboards.
# Grafana's administrator comes from a Secret that is there before: no password passes through Terraform.
resource "helm_release" "prometheus" {
  name             = "monitoring"
  namespace        = "monitoring"
  create_namespace = true
  repository       = "https://prometheus-community.github.io/helm-charts"
  chart            = "kube-prometheus-stack"
  version          = var.chart_version
  atomic           = true
  timeout          = 900
  values = [yamlencode({
    additionalPrometheusRulesMap = { for file in var.rules_files : trimsuffix(basename(file), ".yaml") => yamldecode(file(file)) }
    grafana = {
      image   = { tag = var.grafana_version }
      admin   = { existingSecret = var.grafana_admin_secret }
      plugins = ["hadesarchitect-cassandra-datasource 3.3.0"]
      sidecar = { dashboards = { enabled = true, label = "grafana_dashboard", searchNamespace = "monitoring" } }
    }
  })]
}

resource "kubernetes_config_map_v1" "dashboards" {
  depends_on = [helm_release.prometheus]
  for_each   = fileset(var.dashboards_folder, "*.json")

  metadata {
    name      = "kandle-${trimsuffix(each.key, ".json")}"
    namespace = "monitoring"
    labels    = { grafana_dashboard = "1" }
  }
  data = { (each.key) = file("${var.dashboards_folder}/${each.key}") }
}
