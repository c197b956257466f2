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

variable "protect_data" {
  description = "Whether Terraform refuses to destroy Kafka, its topics and Cassandra."
  type        = bool
  default     = true
}
