variable "topics_file" {
  description = "The YAML file of the topics."
  type        = string
}

variable "copies" {
  description = "How many copies of every topic there are. With three or more, a write waits for all but one."
  type        = number
}

variable "protect" {
  description = "Whether Terraform refuses to destroy the topics."
  type        = bool
}
