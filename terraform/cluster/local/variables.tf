variable "tool" {
  description = "What makes the cluster: kind or minikube."
  type        = string
  default     = "kind"

  validation {
    condition     = contains(["kind", "minikube"], var.tool)
    error_message = "The tool is kind or minikube."
  }
}

variable "name" {
  description = "The name of the cluster."
  type        = string
  default     = "kandle"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}$", var.name))
    error_message = "The name begins with a small letter, has 2 to 31 characters, and only small letters, digits and hyphens."
  }
}

variable "cpus" {
  description = "The CPUs that minikube takes; kind takes what the machine has."
  type        = number
  default     = 6

  validation {
    condition     = var.cpus >= 6
    error_message = "Kandle, its servers, Knative and the operators want 6 CPUs."
  }
}

variable "memory_gib" {
  description = "The memory that minikube takes, GiB; kind takes what the machine has."
  type        = number
  default     = 12

  validation {
    condition     = var.memory_gib >= 12
    error_message = "Kandle, its servers, Knative and the operators want 12 GiB."
  }
}
