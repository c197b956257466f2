# The namespaces of the pipeline and of its servers, as their own files have them. They are made with the operators and
# not with the servers: secrets are put into them in between, and deleting them is the last thing to do.
locals {
  documents = flatten([
    for file in var.files : [
      for text in split("\n---\n", file(file)) : yamldecode(text) if can(yamldecode(text).kind)
    ]
  ])
}

resource "kubernetes_namespace_v1" "all" {
  for_each = { for one in local.documents : one.metadata.name => try(one.metadata.labels, {}) if one.kind == "Namespace" }

  metadata {
    name   = each.key
    labels = each.value
  }
}
