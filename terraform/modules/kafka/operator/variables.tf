variable "chart_version" {
  description = "The version of the chart, which is the operator's: 0.49.0 or newer (API v1)."
  type        = string
}

variable "kubeconfig" {
  description = "The file of kubectl's configuration."
  type        = string
}

variable "context" {
  description = "The context in it."
  type        = string
}
