variable "provisioner" {
  description = "Who makes the volumes, such as cinder.csi.openstack.org; null: the cluster's default class is used."
  type        = string
}

variable "name" {
  description = "The name of the class."
  type        = string
  default     = "kandle-servers"
}

variable "keep_volumes" {
  description = "Whether a volume outlives its claim."
  type        = bool
}

variable "parameters" {
  description = "What the provisioner wants to know, such as {type = \"ssd\"}."
  type        = map(string)
  default     = {}
}
