#!/usr/bin/env bash
# Brings an overlay to the cluster that kubectl points at, step by step; running it again changes only what changed.
set -euo pipefail
cd "$(dirname "$0")"

usage() {
  cat <<'TEXT'
Usage: knative/deploy.sh --overlay NAME [--registry NAME] [--tag TAG] [--dry-run] [--timeout SECONDS]
       knative/deploy.sh --overlay NAME --delete [--with-data]

  --overlay NAME    a folder of knative/overlays: kind, minikube, production, or one of your own
  --registry NAME   take the images from there: NAME/kandle/transform
  --tag TAG         take this version of the images
  --timeout SECONDS how long each step may take (default 900)
  --dry-run         say what would be done, and touch no cluster
  --delete          take the pipeline away; topics, tables, their servers and secrets stay
  --with-data       with --delete: take everything away that the overlay names, the data too
  --help            this text

Steps: namespaces, servers (where the overlay has them), settings and topics, schema, functions (by kn), sources and
the rest. Secrets are made before, once: knative/make-secrets.sh --help
TEXT
}

fail() {
  echo "deploy.sh: $*" >&2
  exit 1
}

overlay_names() {
  local one
  for one in overlays/*/; do printf '%s ' "$(basename "$one")"; done
}

value() {
  (($# > 1)) || fail "$1 wants a value"
  printf '%s' "$2"
}

overlay='' registry='' tag='' dry='' delete='' data='' timeout=900
while (($# > 0)); do
  case $1 in
    --overlay) overlay=$(value "$@") && shift ;;
    --registry) registry=$(value "$@") && shift ;;
    --tag) tag=$(value "$@") && shift ;;
    --timeout) timeout=$(value "$@") && shift ;;
    --dry-run) dry=yes ;;
    --delete) delete=yes ;;
    --with-data) data=yes ;;
    --help | -h) usage && exit 0 ;;
    *) fail "there is no option $1; --help lists them" ;;
  esac
  shift
done
[[ -n $overlay ]] || fail "--overlay is missing: $(overlay_names)"
[[ -f overlays/$overlay/kustomization.yaml ]] || fail "there is no overlay $overlay: $(overlay_names)"
[[ $timeout =~ ^[1-9][0-9]*$ ]] || fail '--timeout wants whole seconds'
[[ -z $data || -n $delete ]] || fail '--with-data wants --delete'
command -v kubectl >/dev/null || fail 'there is no kubectl here: https://kubernetes.io/docs/tasks/tools/'
command -v kn >/dev/null || [[ -n $dry ]] || fail 'there is no kn here: https://knative.dev/docs/client/install-kn/'

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
source=overlays/$overlay
if [[ -n $registry$tag ]]; then
  # The same overlay with other images: a kustomization on top of it, so that no file here is changed.
  source=overlays/.$overlay-$$
  trap 'rm -rf "$work" "$source"' EXIT
  mkdir "$source"
  {
    printf 'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n  - ../%s\nimages:\n' "$overlay"
    kubectl kustomize "overlays/$overlay" | sed -n 's/^ *-\{0,1\} *image: //p' | grep 'kandle/' | sort -u |
      while read -r image; do
        name=${image%@*} && name=${name%:*}
        printf '  - name: %s\n' "$name"
        [[ -z $registry ]] || printf '    newName: %s/kandle/%s\n' "$registry" "${name##*/}"
        [[ -z $tag ]] || printf '    newTag: "%s"\n' "$tag"
      done
  } >"$source/kustomization.yaml"
fi
kubectl kustomize "$source" -o "$work" || fail "cannot render $source"

# The files of the rendered resources whose names match; nothing if there is none.
files() {
  (cd "$work" && ls) | grep -E "$1" | sed "s|^|$work/|" || true
}

step() {
  echo "== $*"
}

run() {
  if [[ -n $dry ]]; then
    echo "+ ${*//$work\//}"
  else
    "$@"
  fi
}

# Applies what matches, if anything does.
apply() {
  local found=() file
  while read -r file; do
    [[ -z $file ]] || found+=(-f "$file")
  done < <(files "$1")
  ((${#found[@]} == 0)) || run kubectl apply "${found[@]}"
}

# Waits for a condition of everything that matches.
await() {
  local pattern=$1 condition=$2 file
  while read -r file; do
    [[ -z $file ]] || run kubectl wait --for="$condition" --timeout="${timeout}s" -f "$file"
  done < <(files "$pattern")
}

check_cluster() {
  kubectl get --raw /version >/dev/null || fail 'the cluster does not answer'
  local wanted='services.serving.knative.dev kafkasources.sources.knative.dev kafkasinks.eventing.knative.dev' crd
  [[ -z $(files '_kafka\.strimzi\.io_') ]] || wanted+=' kafkatopics.kafka.strimzi.io'
  [[ -z $(files '_kafka_kandle') ]] || wanted+=' kafkas.kafka.strimzi.io kafkanodepools.kafka.strimzi.io'
  [[ -z $(files '_cassandradatacenter_') ]] || wanted+=' cassandradatacenters.cassandra.datastax.com'
  for crd in $wanted; do
    kubectl get crd "$crd" >/dev/null 2>&1 ||
      fail "the cluster does not know $crd: see docs/operations.md, \"What a cluster must have\""
  done
}

check_secrets() {
  local wanted='kandle/finnhub' secret missing=''
  ! grep -qs kafka-credentials "$work"/*kafkasource* || wanted+=' kandle/kafka-credentials'
  ! grep -qs CASSANDRA_USERNAME "$work"/*configmap_kandle-cassandra* ||
    wanted+=' kandle/cassandra-credentials kandle/cassandra-admin'
  ! grep -qs superuserSecretName "$work"/*cassandradatacenter* ||
    wanted+=' cassandra/cassandra-credentials cassandra/cassandra-admin'
  for secret in $wanted; do
    kubectl get secret --namespace "${secret%/*}" "${secret#*/}" >/dev/null 2>&1 || missing+=" $secret"
  done
  [[ -z $missing ]] || fail "secrets are missing:$missing. Make them with knative/make-secrets.sh --overlay $overlay"
}

# Strimzi signs Kafka's certificates itself; who talks to Kafka must know its authority. Again at each deployment,
# because it is renewed once a year.
copy_kafka_authority() {
  grep -qs kafka-credentials "$work"/*kafkasource* || return 0
  local authority
  authority=$(kubectl get secret --namespace kafka kandle-cluster-ca-cert -o 'jsonpath={.data.ca\.crt}')
  [[ -n $authority ]] || fail 'Strimzi has not made the Secret kandle-cluster-ca-cert yet'
  kubectl patch secret --namespace kandle kafka-credentials --type merge \
    -p "{\"data\":{\"ca.crt\":\"$authority\"}}"
}

# Deletes what matches the first pattern and not the second, one after the other, and waits until it is gone.
take_away() {
  local file
  while read -r file; do
    [[ -z $file ]] || run kubectl delete --ignore-not-found --timeout="${timeout}s" -f "$file"
  done < <(files "$1" | grep -Ev "${2:-^$}")
}

remove() {
  step 'ingest first, so that nothing new comes'
  run kubectl delete --ignore-not-found --namespace kandle statefulset ingest
  step 'event sources, then functions'
  take_away '_kafkasource_'
  take_away '_serving\.knative\.dev_'
  step 'the rest, but neither topics nor servers, namespaces, secrets'
  take_away '^kandle_' '_(kafkasource|kafkatopic|kafkauser|statefulset)_|serving\.knative\.dev'
  [[ -n $data ]] || return 0
  # Strimzi holds each topic until it has deleted it in Kafka: without Kafka, the namespace would never go.
  step 'topics and user, while Kafka is there'
  take_away '_kafkatopic_|_kafkauser_'
  step 'everything else, the data too'
  run kubectl delete --ignore-not-found --timeout="${timeout}s" -k "$source"
}

if [[ -n $delete ]]; then
  remove
  exit 0
fi

[[ -n $dry ]] || check_cluster
step namespaces
apply '^v1_namespace_'
[[ -n $dry ]] || check_secrets

if [[ -n $(files '_kafka_kandle|_cassandradatacenter_') ]]; then
  step 'servers: this takes minutes the first time'
  apply '_kafka_kandle|_kafkanodepool_|_kafkauser_|_cassandradatacenter_|^cassandra_networking'
  await '_kafka_kandle' condition=Ready
  await '_cassandradatacenter_' condition=Ready
  [[ -n $dry || -z $(files '_kafka_kandle') ]] || copy_kafka_authority
fi

step 'settings and topics'
apply '^kandle_v1_(configmap|serviceaccount)_|^kandle_networking|_kafkatopic_|_kafkasink_'
await '_kafkatopic_' condition=Ready

step schema
# A Job cannot be changed: the one of the last deployment makes room for this one.
run kubectl delete --ignore-not-found --namespace kandle job schema
apply '_job_schema'
await '_job_schema' condition=Complete || {
  kubectl logs --namespace kandle job/schema --tail 20 || true
  fail 'the schema is not applied; the lines above say why'
}

step functions
while read -r file; do
  name=${file##*_service_}
  run kn service apply "${name%.yaml}" --namespace kandle --filename "$file" --wait-timeout "$timeout"
done < <(files '_serving\.knative\.dev_.*_service_')

step 'event sources, ingest and the rest'
# kn has applied the functions from the same files; everything else is applied here, what is there already again.
run kubectl apply -k "$source" --selector 'app.kubernetes.io/component!=function'
await '_kafkasource_' condition=Ready
[[ -n $dry ]] || kubectl rollout status --namespace kandle statefulset/ingest --timeout "${timeout}s"
step 'done'
[[ -n $dry ]] || kubectl get --namespace kandle ksvc,kafkasources,statefulsets,pods
