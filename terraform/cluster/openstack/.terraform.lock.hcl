# Versions without checksums: the first `terraform init` adds them (terraform/README.md, "State").

provider "registry.terraform.io/terraform-provider-openstack/openstack" {
  version     = "3.4.0"
  constraints = "3.4.0"
}
