variable "files" {
  description = "The YAML files; a file holds one or more documents."
  type        = list(string)
}

variable "kinds" {
  description = "Which kinds of them."
  type        = set(string)
}

variable "namespace" {
  description = "The namespace of those that name none."
  type        = string
  default     = "kandle"
}

variable "changes" {
  description = "By kind: what is laid over the spec, such as the number of copies of a topic."
  type        = any
  default     = {}
}

variable "protect" {
  description = "Whether Terraform refuses to destroy them."
  type        = bool
  default     = false
}

variable "ready" {
  description = "The condition that is waited for; null: none."
  type        = string
  default     = null
}

variable "within" {
  description = "How long creating, changing and deleting one may take, such as 20m."
  type        = string
  default     = "10m"
}
