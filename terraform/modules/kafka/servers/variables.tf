variable "file" {
  description = "The YAML file of the servers, of knative/components."
  type        = string
}

variable "protect" {
  description = "Whether Terraform refuses to destroy Kafka."
  type        = bool
}

variable "kubeconfig" {
  description = "The file of kubectl's configuration."
  type        = string
}

variable "context" {
  description = "The context in it."
  type        = string
}
