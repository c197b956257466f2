#!/usr/bin/env bash
# Refuses to take the operators away while something stands that only they can delete. Ends within a minute.
# KUBECONFIG_FILE, CONTEXT: the cluster.
set -euo pipefail

kinds=(
  kafkas.kafka.strimzi.io kafkanodepools.kafka.strimzi.io kafkatopics.kafka.strimzi.io kafkausers.kafka.strimzi.io
  cassandradatacenters.cassandra.datastax.com
  services.serving.knative.dev kafkasources.sources.knative.dev kafkasinks.eventing.knative.dev
)
left=''
for kind in "${kinds[@]}"; do
  # A kind that the cluster does not know has nothing left; any other error is told, and nothing is destroyed.
  if ! found=$(kubectl --kubeconfig "$KUBECONFIG_FILE" --context "$CONTEXT" get "$kind" --all-namespaces \
    --request-timeout=5s -o 'jsonpath={range .items[*]}{.kind}{" "}{.metadata.namespace}{"/"}{.metadata.name}{"\n"}{end}' 2>&1); then
    [[ $found == *"doesn't have a resource type"* || $found == *'could not find the requested resource'* ]] && continue
    printf 'Cannot see whether anything is left: %s\nNothing was destroyed.\n' "$found" >&2
    exit 1
  fi
  [[ -z $found ]] || left+="$found"$'\n'
done
[[ -z $left ]] && exit 0
cat >&2 <<TEXT
These still stand, and without the operators they could never be deleted:
$(head -20 <<<"$left")
First: knative/deploy.sh --overlay NAME --delete, then terraform -chdir=terraform/pipeline destroy with its own variables.
Nothing was destroyed.
TEXT
exit 1
