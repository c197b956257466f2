variable "chart_version" {
  description = "The version of the chart, which is the operator's: 0.49.0 or newer (API v1)."
  type        = string

  validation {
    condition     = can(regex("^([1-9][0-9]*|0\\.(49|5[0-9]))\\.", var.chart_version))
    error_message = "Kandle's manifests use Strimzi's API v1: 0.49.0 or newer."
  }
}

variable "kubeconfig" {
  description = "The file of kubectl's configuration."
  type        = string
}

variable "context" {
  description = "The context in it."
  type        = string
}
