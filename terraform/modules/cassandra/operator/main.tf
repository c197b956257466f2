# cass-operator, and cert-manager, which its webhooks want.
resource "helm_release" "cert_manager" {
  name             = "cert-manager"
  namespace        = "cert-manager"
  create_namespace = true
  repository       = "oci://quay.io/jetstack/charts"
  chart            = "cert-manager"
  version          = var.cert_manager_version
  atomic           = true
  timeout          = 600
  values           = [yamlencode({ crds = { enabled = true } })]
}

resource "helm_release" "cass_operator" {
  depends_on       = [helm_release.cert_manager]
  name             = "cass-operator"
  namespace        = "cass-operator"
  create_namespace = true
  repository       = "https://helm.k8ssandra.io/stable"
  chart            = "cass-operator"
  version          = var.chart_version
  atomic           = true
  timeout          = 600
  values           = [yamlencode({ global = { clusterScoped = true } })]
}
