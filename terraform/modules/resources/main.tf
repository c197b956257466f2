# Kubernetes resources of the project's own YAML files, so that each is written down once. What is protected and what is
# not are two resources, because `prevent_destroy` takes no variable.
locals {
  documents = flatten([
    for file in var.files : [
      for text in split("\n---\n", file(file)) : yamldecode(text) if can(yamldecode(text).kind)
    ]
  ])
  chosen = {
    for one in local.documents : lower("${one.kind}/${try(one.metadata.namespace, var.namespace)}/${one.metadata.name}") =>
    merge(one,
      { metadata = merge(one.metadata, { namespace = try(one.metadata.namespace, var.namespace) }) },
      # `changes` is laid over the spec, and over the maps right within it. Not by `? :`, which wants both sides of one type.
      { for field in ["spec"] : field => merge(one.spec,
        { for key, value in lookup(var.changes, one.kind, {}) : key => value if !can(keys(value)) },
        { for key, value in lookup(var.changes, one.kind, {}) : key => merge(try(one.spec[key], {}), value) if can(keys(value)) },
      ) if contains(keys(one), field) },
    )
    if contains(var.kinds, one.kind)
  }
}

resource "kubernetes_manifest" "protected" {
  for_each        = { for name, one in local.chosen : name => one if var.protect }
  manifest        = each.value
  computed_fields = ["metadata.labels", "metadata.annotations", "metadata.finalizers"]

  dynamic "wait" {
    for_each = var.ready == null ? [] : [var.ready]
    content {
      condition {
        type   = wait.value
        status = "True"
      }
    }
  }
  timeouts {
    create = var.within
    update = var.within
    delete = var.within
  }
  lifecycle {
    prevent_destroy = true
  }
}

resource "kubernetes_manifest" "free" {
  for_each        = { for name, one in local.chosen : name => one if !var.protect }
  manifest        = each.value
  computed_fields = ["metadata.labels", "metadata.annotations", "metadata.finalizers"]

  dynamic "wait" {
    for_each = var.ready == null ? [] : [var.ready]
    content {
      condition {
        type   = wait.value
        status = "True"
      }
    }
  }
  timeouts {
    create = var.within
    update = var.within
    delete = var.within
  }
}
