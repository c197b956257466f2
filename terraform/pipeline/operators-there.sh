#!/usr/bin/env bash
# Refuses to delete what an operator that is not there must take the finalizer of: it would hang. Ends within a minute.
# KUBECONFIG_FILE, CONTEXT: the cluster.
set -euo pipefail

k() {
  kubectl --kubeconfig "$KUBECONFIG_FILE" --context "$CONTEXT" --request-timeout=5s "$@"
}

# look OPERATOR NAMESPACE SELECTOR KIND…: notes an operator of which no pod runs while something of its kinds stands.
missing=''
look() {
  local operator=$1 namespace=$2 selector=$3 left='' found kind
  shift 3
  for kind in "$@"; do
    # A kind that the cluster does not know has nothing left; any other error is told, and nothing is destroyed.
    if ! found=$(k get "$kind" --all-namespaces \
      -o 'jsonpath={range .items[*]}{.kind}{" "}{.metadata.namespace}{"/"}{.metadata.name}{"\n"}{end}' 2>&1); then
      [[ $found == *"doesn't have a resource type"* || $found == *'could not find the requested resource'* ]] && continue
      printf 'Cannot see what stands: %s\nNothing was destroyed.\n' "$found" >&2
      exit 1
    fi
    left+=$found
  done
  [[ -n $left ]] || return 0
  if ! found=$(k get pods --namespace "$namespace" --selector "$selector" --field-selector status.phase=Running -o name 2>&1); then
    printf 'Cannot see whether %s runs: %s\nNothing was destroyed.\n' "$operator" "$found" >&2
    exit 1
  fi
  [[ $found == *pod/* ]] || missing+="$operator (namespace $namespace): $(head -1 <<<"$left") and more"$'\n'
}

# The namespaces are those of terraform/operators; topics and users have their operators beside Kafka.
look "Strimzi's cluster operator" strimzi '' kafkas.kafka.strimzi.io kafkanodepools.kafka.strimzi.io
look "Strimzi's entity operator" kafka strimzi.io/name=kandle-entity-operator kafkatopics.kafka.strimzi.io kafkausers.kafka.strimzi.io
look cass-operator cass-operator '' cassandradatacenters.cassandra.datastax.com
[[ -n $missing ]] || exit 0
cat >&2 <<TEXT
These operators do not run, and without them what stands could never be deleted:
$missing
First: terraform -chdir=terraform/operators apply with its own variables, and kubectl get pods --all-namespaces.
Nothing was destroyed.
TEXT
exit 1
