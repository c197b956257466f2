variable "name" {
  description = "The name of the cluster."
  type        = string
}

variable "image" {
  description = "The image of the machines, one that this Magnum takes for Kubernetes."
  type        = string
}

variable "kubernetes_version" {
  description = "The version of Kubernetes, as Magnum's label kube_tag wants it, such as v1.33.4."
  type        = string
}

variable "ssh_public_key" {
  description = "The public half of the administrators' SSH key."
  type        = string
}

variable "external_network_id" {
  description = "The network that leads outside."
  type        = string
}

variable "network" {
  description = "The network of the machines."
  type        = string
}

variable "subnet" {
  description = "Its subnet."
  type        = string
}

variable "cidr" {
  description = "The addresses of the machines."
  type        = string
}

variable "administrators_group" {
  description = "The security group that lets the administrators in."
  type        = string
}

variable "public_api" {
  description = "Whether the Kubernetes API has an address outside. Without it only the network itself reaches it."
  type        = bool
}

variable "root_gib" {
  description = "The disk of a machine for images and logs, GiB."
  type        = number
}

variable "control_plane" {
  description = "How many machines of which size run Kubernetes itself."
  type        = object({ count = number, flavor = string })
}

variable "servers" {
  description = "How many machines of which size hold Kafka and Cassandra."
  type        = object({ count = number, flavor = string })
}

variable "functions" {
  description = "Of which size are the machines of the functions, how many there are at least and at most."
  type        = object({ least = number, most = number, flavor = string })
}
