variable "release" {
  description = "The release of Knative, such as knative-v1.23.0."
  type        = string

  validation {
    condition     = can(regex("^knative-v1\\.[0-9]+\\.[0-9]+$", var.release))
    error_message = "A release such as knative-v1.23.0."
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
