# Offline: the provider is played by Terraform itself, and nothing is applied to a cluster.
mock_provider "kubernetes" {}

variables {
  context = "kind-kandle"
  small   = false
}

run "three_copies" {
  command = plan
  assert {
    condition     = contains(output.servers, "cassandradatacenter/cassandra/dc1") && contains(output.servers, "kafka/kafka/kandle") && contains(output.servers, "kafkauser/kandle/kandle-ingest")
    error_message = "Kafka, its user and Cassandra are there."
  }
  assert {
    condition     = contains(output.topics, "kafkatopic/kandle/market-raw-v1")
    error_message = "The topics are there, in the namespace of the pipeline."
  }
  assert {
    condition     = alltrue([for one in module.pipeline.manifests : one.spec.replicas == 3 && one.spec.config["min.insync.replicas"] == 2 && one.apiVersion == "kafka.strimzi.io/v1"])
    error_message = "Every topic has three copies, two of which a write waits for, in Strimzi's API v1."
  }
  assert {
    condition     = alltrue([for one in module.pipeline.manifests : can(one.spec.config["retention.ms"]) != (try(one.spec.config["cleanup.policy"], "delete") == "compact")])
    error_message = "What is laid over a topic keeps the rest of its settings: how long it keeps records, or that it keeps the last of each key."
  }
}

run "one_copy" {
  command = plan
  variables {
    small        = true
    protect_data = false
  }
  assert {
    condition     = alltrue([for one in module.pipeline.manifests : one.spec.replicas == 1 && !can(one.spec.config["min.insync.replicas"])])
    error_message = "One node has one copy."
  }
}
