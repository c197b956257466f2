variable "name" {
  description = "The name of the network and of what belongs to it."
  type        = string
}

variable "external_network" {
  description = "The cloud's network that leads outside."
  type        = string
}

variable "cidr" {
  description = "The addresses of the machines, such as 10.40.0.0/24."
  type        = string
}

variable "dns_servers" {
  description = "The name servers that the machines ask."
  type        = list(string)
}

variable "administrators" {
  description = "The address blocks from which SSH and the Kubernetes API may be reached."
  type        = set(string)
}
