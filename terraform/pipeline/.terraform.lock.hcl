# Versions without checksums: the first `terraform init` adds them (terraform/README.md, "State").

provider "registry.terraform.io/hashicorp/kubernetes" {
  version     = "3.2.1"
  constraints = "3.2.1"
}
