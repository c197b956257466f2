variable "kubeconfig" {
  description = "The file of kubectl's configuration."
  type        = string
  default     = "~/.kube/config"
}

variable "context" {
  description = "The context in it: kubectl config get-contexts. There is no default, so that no other cluster is meant."
  type        = string

  validation {
    condition     = var.context != ""
    error_message = "The context is empty: kubectl config get-contexts lists them."
  }
}

variable "small" {
  description = "Whether the servers are one small node each (kind, minikube) or three of each."
  type        = bool
}

variable "storage_provisioner" {
  description = "Who makes the volumes, such as cinder.csi.openstack.org; null: the cluster's default storage class is used."
  type        = string
  default     = null
}

variable "keep_volumes" {
  description = "Whether the data of a deleted claim stay (reclaim policy Retain)."
  type        = bool
  default     = true
}

variable "strimzi_version" {
  description = "The version of Strimzi's chart and operator."
  type        = string
  default     = "1.0.1"

  validation {
    condition     = can(regex("^([1-9][0-9]*|0\\.(49|5[0-9]))\\.", var.strimzi_version))
    error_message = "Kandle's manifests use Strimzi's API v1: 0.49.0 or newer."
  }
}

variable "cass_operator_chart" {
  description = "The version of the chart cass-operator: helm search repo k8ssandra/cass-operator --versions. No default: its numbers could not be looked up where this is made."
  type        = string
}

variable "cert_manager_version" {
  description = "The version of cert-manager."
  type        = string
  default     = "v1.19.1"
}

variable "knative_release" {
  description = "The release of Knative Serving, Eventing and of its Kafka parts."
  type        = string
  default     = "knative-v1.23.0"
}

variable "monitoring" {
  description = "Whether Prometheus and Grafana are installed too."
  type        = bool
  default     = true
}

variable "prometheus_chart" {
  description = "The version of the chart kube-prometheus-stack."
  type        = string
  default     = "87.19.0"
}

variable "grafana_version" {
  description = "The version of Grafana."
  type        = string
  default     = "12.4.0"
}

variable "grafana_admin_secret" {
  description = "The Secret in the namespace monitoring with the keys admin-user and admin-password (terraform/README.md)."
  type        = string
  default     = "grafana-admin"
}
