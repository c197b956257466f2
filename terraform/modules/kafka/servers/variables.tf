variable "file" {
  description = "The YAML file of the servers, of knative/components."
  type        = string
}

variable "users_file" {
  description = "The YAML file of its users, which is made from security/src/rights.ts; null where nobody logs in."
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
