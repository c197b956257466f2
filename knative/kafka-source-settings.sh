#!/usr/bin/env bash
# Lets a poll of KafkaSource bring 256 KiB of a partition, where Knative installs 64 KiB: a backlog is worked off faster
# (docs/decisions/2026-11-30-kafka-source-settings.md). Once for a cluster; run again it changes nothing.
set -euo pipefail

namespace=knative-eventing configmap=config-kafka-source-data-plane file=config-kafka-source-consumer.properties
setting=max.partition.fetch.bytes bytes=262144

if [[ ${1:-} == --help || ${1:-} == -h ]]; then
  cat <<TEXT
Usage: knative/kafka-source-settings.sh [kubectl's options, such as --context NAME]

Sets $setting=$bytes in $file of
$namespace/$configmap, and starts KafkaSource's dispatcher again. It holds for every KafkaSource of the
cluster. A larger number stays as it is.
TEXT
  exit 0
fi

fail() {
  echo "kafka-source-settings.sh: $*" >&2
  exit 1
}

k() {
  # An empty array is an unset variable to the bash of macOS.
  kubectl ${options[@]+"${options[@]}"} --namespace "$namespace" "$@"
}

options=("$@")
command -v kubectl >/dev/null || fail 'there is no kubectl here: https://kubernetes.io/docs/tasks/tools/'
properties=$(k get configmap "$configmap" -o "jsonpath={.data.${file//./\\.}}") ||
  fail "cannot read $namespace/$configmap: is KafkaSource installed?"
now=$(sed -n "s/^${setting//./\\.}=\([0-9]*\) *$/\1/p" <<<"$properties" | tail -n 1)
if [[ -z $now ]]; then
  echo "$setting is not set in $namespace/$configmap: Kafka's own 1 MiB holds"
elif ((now >= bytes)); then
  echo "$setting is $now already"
else
  patch=$(mktemp)
  trap 'rm -f "$patch"' EXIT
  {
    printf 'data:\n  %s: |\n' "$file"
    sed -e "s/^${setting//./\\.}=.*/$setting=$bytes/" -e 's/^/    /' <<<"$properties"
  } >"$patch"
  k patch configmap "$configmap" --type merge --patch-file "$patch"
  # It reads its settings when it starts. Before the first KafkaSource it has no pod.
  k rollout restart statefulset/kafka-source-dispatcher
  echo "$setting: $bytes instead of $now"
fi
