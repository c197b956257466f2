variable "names" {
  description = "The names of the containers."
  type        = set(string)
}

variable "protect" {
  description = "Whether Terraform refuses to destroy them."
  type        = bool
}
