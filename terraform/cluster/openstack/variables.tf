variable "cloud" {
  description = "The entry of clouds.yaml to use; null takes the OS_* variables."
  type        = string
  default     = null
}

variable "name" {
  description = "The name of the cluster and of what belongs to it."
  type        = string
  default     = "kandle"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}$", var.name))
    error_message = "The name begins with a small letter, has 2 to 31 characters, and only small letters, digits and hyphens."
  }
}

variable "external_network" {
  description = "The cloud's network that leads outside (openstack network list --external)."
  type        = string

  validation {
    condition     = var.external_network != ""
    error_message = "The name of the external network is empty: openstack network list --external lists them."
  }
}

variable "cidr" {
  description = "The addresses of the machines."
  type        = string
  default     = "10.40.0.0/24"

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && try(tonumber(split("/", var.cidr)[1]) <= 26, false)
    error_message = "The addresses are a block such as 10.40.0.0/24, with room for at least 64."
  }
}

variable "dns_servers" {
  description = "The name servers that the machines ask; the cloud's own if empty."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for one in var.dns_servers : can(cidrhost("${one}/32", 0))])
    error_message = "A name server is an IPv4 address such as 192.0.2.53."
  }
}

variable "administrators" {
  description = "The address blocks from which SSH and the Kubernetes API may be reached."
  type        = set(string)

  validation {
    condition     = alltrue([for one in var.administrators : can(cidrhost(one, 0)) && try(tonumber(split("/", one)[1]) > 0, false)])
    error_message = "Each is a block such as 198.51.100.0/24; the whole world (/0) is not taken."
  }
}

variable "image" {
  description = "The image of the machines, one that this Magnum takes for Kubernetes (openstack image list)."
  type        = string
}

variable "kubernetes_version" {
  description = "The version of Kubernetes, as Magnum's label kube_tag wants it."
  type        = string
  default     = "v1.33.4"

  validation {
    condition     = can(regex("^v1\\.(3[0-9]|[4-9][0-9])\\.[0-9]+$", var.kubernetes_version))
    error_message = "Kandle wants Kubernetes 1.30 or newer, written as v1.33.4."
  }
}

variable "ssh_public_key" {
  description = "The public half of the administrators' SSH key, as in id_ed25519.pub."
  type        = string

  validation {
    condition     = can(regex("^(ssh-ed25519|ecdsa-sha2-nistp(256|384|521)|ssh-rsa) ", var.ssh_public_key))
    error_message = "This is no public SSH key: it begins with ssh-ed25519, ecdsa-sha2-… or ssh-rsa. A private key never belongs here."
  }
}

variable "public_api" {
  description = "Whether the Kubernetes API has an address outside, for the administrators' blocks alone."
  type        = bool
  default     = true
}

variable "root_gib" {
  description = "The disk of a machine for images and logs, GiB."
  type        = number
  default     = 50

  validation {
    condition     = var.root_gib >= 20
    error_message = "Images and logs want 20 GiB at least."
  }
}

variable "control_plane" {
  description = "How many machines of which size run Kubernetes itself: 1 or 3."
  type        = object({ count = number, flavor = string })

  validation {
    condition     = contains([1, 3, 5], var.control_plane.count)
    error_message = "The control plane votes: 1, 3 or 5 machines."
  }
}

variable "servers" {
  description = "How many machines of which size hold Kafka and Cassandra: each takes one of both (1.5 CPUs and 6 GiB asked for)."
  type        = object({ count = number, flavor = string })

  validation {
    condition     = var.servers.count >= 3
    error_message = "Three copies want three machines: neither Kafka nor Cassandra lets two of its own share one."
  }
}

variable "functions" {
  description = "Of which size are the machines of the functions, how many there are at least and at most."
  type        = object({ least = number, most = number, flavor = string })

  validation {
    condition     = var.functions.least >= 1 && var.functions.most >= var.functions.least
    error_message = "At least one machine, and at most not fewer than at least."
  }
}

variable "protect_data" {
  description = "Whether Terraform refuses to destroy backups and archive."
  type        = bool
  default     = true
}
