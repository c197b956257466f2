# Offline: the providers are played by Terraform itself, and nothing is applied to a cluster.
mock_provider "kubernetes" {}
mock_provider "helm" {}

variables {
  context             = "kind-kandle"
  small               = true
  cass_operator_chart = "0.1.0"
}

run "three_of_each" {
  command = plan
  variables {
    small               = false
    storage_provisioner = "cinder.csi.openstack.org"
  }
  assert {
    condition     = output.namespaces == tolist(["cassandra", "kafka", "kandle"])
    error_message = "The namespaces are those of the manifests."
  }
  assert {
    condition     = module.storage.reclaim_policy == "Retain"
    error_message = "Volumes are kept unless it is said otherwise."
  }
  assert {
    condition     = length(module.observability) == 1
    error_message = "Monitoring comes with it."
  }
}

run "a_laptop" {
  command = plan
  variables {
    monitoring = false
  }
  assert {
    condition     = module.storage.reclaim_policy == null && length(module.observability) == 0
    error_message = "A laptop has its own storage class and no monitoring."
  }
}

run "strimzi_before_v1" {
  command = plan
  variables {
    strimzi_version = "0.48.0"
  }
  expect_failures = [var.strimzi_version]
}

run "no_context" {
  command = plan
  variables {
    context = ""
  }
  expect_failures = [var.context]
}
