run "kind" {
  command = plan
  assert {
    condition     = output.context == "kind-kandle"
    error_message = "kind names its context so."
  }
}

run "minikube" {
  command = plan
  variables {
    tool = "minikube"
    name = "mine"
  }
  assert {
    condition     = output.context == "mine"
    error_message = "minikube names its context so."
  }
}

run "too_small" {
  command = plan
  variables {
    cpus       = 4
    memory_gib = 8
  }
  expect_failures = [var.cpus, var.memory_gib]
}

run "no_such_tool" {
  command = plan
  variables {
    tool = "k3d"
  }
  expect_failures = [var.tool]
}
