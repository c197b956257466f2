# Root 1 of 3, on one's own machine: a cluster by kind or minikube. It runs their own commands, because a provider
# for them could not be tried where this is made (docs/decisions/2026-11-29-terraform.md).
terraform {
  required_version = "~> 1.11"
}

locals {
  create = {
    kind     = "kind get clusters | grep -qx '${var.name}' || kind create cluster --name '${var.name}' --wait 180s"
    minikube = "minikube start --profile '${var.name}' --cpus ${var.cpus} --memory ${var.memory_gib}g --cni calico"
  }
  delete = {
    kind     = "kind delete cluster --name '${var.name}'"
    minikube = "minikube delete --profile '${var.name}'"
  }
  context = { kind = "kind-${var.name}", minikube = var.name }
}

resource "terraform_data" "cluster" {
  # All that the deletion needs: a destroy-time command sees nothing else.
  input            = { delete = local.delete[var.tool] }
  triggers_replace = [var.tool, var.name]

  provisioner "local-exec" {
    command = local.create[var.tool]
  }
  provisioner "local-exec" {
    when    = destroy
    command = self.input.delete
  }
}
