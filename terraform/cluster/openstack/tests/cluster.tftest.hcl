# Offline: the provider is played by Terraform itself.
mock_provider "openstack" {}

variables {
  external_network = "public"
  administrators   = ["198.51.100.0/24", "203.0.113.7/32"]
  image            = "fedora-coreos-43"
  ssh_public_key   = "ssh-ed25519 AAAA you@example.com"
  control_plane    = { count = 3, flavor = "m1.medium" }
  servers          = { count = 3, flavor = "m1.xlarge" }
  functions        = { least = 1, most = 4, flavor = "m1.large" }
}

run "whole" {
  command = apply
  assert {
    condition     = output.backups == tolist(["kandle-cassandra-backups", "kandle-raw-archive"])
    error_message = "Backups and archive have their containers."
  }
  assert {
    condition     = strcontains(output.next, "coe cluster config kandle")
    error_message = "It says how to reach the cluster."
  }
  variables {
    protect_data = false # or the test could not clean up
  }
}

run "the_whole_world_is_no_administrator" {
  command = plan
  variables {
    administrators = ["0.0.0.0/0"]
  }
  expect_failures = [var.administrators]
}

run "two_servers_hold_no_three_copies" {
  command = plan
  variables {
    servers = { count = 2, flavor = "m1.xlarge" }
  }
  expect_failures = [var.servers]
}

run "a_private_key_is_refused" {
  command = plan
  variables {
    ssh_public_key = "-----BEGIN OPENSSH PRIVATE KEY-----"
  }
  expect_failures = [var.ssh_public_key]
}

run "an_old_kubernetes" {
  command = plan
  variables {
    kubernetes_version = "v1.29.0"
  }
  expect_failures = [var.kubernetes_version]
}
