variable "chart_version" {
  description = "The version of the chart cass-operator: helm search repo k8ssandra/cass-operator --versions lists them."
  type        = string

  validation {
    condition     = can(regex("^[0-9]+\\.[0-9]+\\.[0-9]+$", var.chart_version))
    error_message = "An exact version such as 1.2.3: helm search repo k8ssandra/cass-operator --versions lists them."
  }
}

variable "cert_manager_version" {
  description = "The version of the chart cert-manager."
  type        = string
}
