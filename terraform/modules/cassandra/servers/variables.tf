variable "file" {
  description = "The YAML file of the datacenter, of knative/components."
  type        = string
}

variable "protect" {
  description = "Whether Terraform refuses to destroy Cassandra."
  type        = bool
}
