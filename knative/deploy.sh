#!/usr/bin/env bash
# Brings an overlay to the cluster that kubectl points at, step by step; running it again changes only what changed.
set -euo pipefail
cd "$(dirname "$0")"

usage() {
  cat <<'TEXT'
Usage: knative/deploy.sh --overlay NAME [--registry NAME] [--tag TAG] [--dry-run] [--timeout SECONDS]
       knative/deploy.sh --overlay NAME --check
       knative/deploy.sh --overlay NAME --restore [--since TIME] [--within DURATION]
       knative/deploy.sh --overlay NAME --delete [--with-data]

  --overlay NAME    a folder of knative/overlays: kind, minikube, production, or one of your own
  --registry NAME   take the images from there: NAME/kandle/transform
  --tag TAG         take this version of the images
  --timeout SECONDS how long each step may take (default 900)
  --dry-run         say what would be done, and touch no cluster
  --check           only add up what the overlay asks for, and hold it against the cluster's nodes (wants npm ci)
  --restore         deploy, and make a lost or emptied Cassandra again from what Kafka holds: the event sources stop, the
                    groups that read the raw log go back, and notify's source waits until the audit is clean
  --since TIME      with --restore: only what was written since then, such as 2026-11-25T08:00Z or 7d
  --within DURATION with --restore: how long it may take until the audit is clean (default 6h)
  --accept-empty    begin with an empty Cassandra, although Kafka holds events that were read before
  --delete          take the pipeline away; topics, tables, volumes, their servers and secrets stay
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
check='' restore='' since='' within=6h accept=''
while (($# > 0)); do
  case $1 in
    --overlay) overlay=$(value "$@") && shift ;;
    --registry) registry=$(value "$@") && shift ;;
    --tag) tag=$(value "$@") && shift ;;
    --timeout) timeout=$(value "$@") && shift ;;
    --dry-run) dry=yes ;;
    --check) check=yes ;;
    --restore) restore=yes ;;
    --since) since=$(value "$@") && shift ;;
    --within) within=$(value "$@") && shift ;;
    --accept-empty) accept=yes ;;
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
[[ -z $since || -n $restore ]] || fail '--since wants --restore'
[[ $since =~ ^[0-9A-Za-z:.+-]*$ ]] || fail '--since wants a time such as 2026-11-25T08:00Z or 7d'
[[ $within =~ ^[1-9][0-9]*[smhd]$ ]] || fail '--within wants a duration such as 90m or 6h'
command -v kubectl >/dev/null || fail 'there is no kubectl here: https://kubernetes.io/docs/tasks/tools/'
command -v kn >/dev/null || [[ -n $dry$check ]] || fail 'there is no kn here: https://knative.dev/docs/client/install-kn/'

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

# How often it is said what is waited for, seconds; the tests want it sooner.
say_every=${KANDLE_SAY_EVERY:-10}

# patiently WHAT PAGE LAST COMMAND …: runs a command that waits, and says meanwhile what for, how long, and what LAST (a
# command too) knows of it. When it fails, so does the deployment, with the page that says what to look at.
patiently() {
  local what=$1 page=$2 last=$3 began=$SECONDS said=$SECONDS waiter known
  shift 3
  if [[ -n $dry ]]; then
    run "$@"
    return
  fi
  "$@" &
  waiter=$!
  while kill -0 "$waiter" 2>/dev/null; do
    sleep 0.1
    ((SECONDS - said >= say_every)) || continue
    said=$SECONDS
    known=$($last 2>/dev/null | tail -n 1 || true)
    echo "   waiting for $what, $((SECONDS - began)) s of $timeout: ${known:-nothing is known of it yet}"
  done
  wait "$waiter" && return
  $last 2>/dev/null | tail -n 20 >&2 || true
  fail "$what did not get ready within $timeout s. Look at $page; deploy.sh can be run again"
}

# The log of a pod, a Job or what makes pods; while it has none, what the cluster says of its namespace.
log_of() {
  local namespace=$1 target=$2 text
  text=$(kubectl logs --namespace "$namespace" "$target" --all-containers --tail 20 2>/dev/null || true)
  if [[ -n $text ]]; then
    echo "$text"
  else
    events_of "$namespace"
  fi
}

# The newest events of a namespace: what cannot be pulled, mounted or placed.
events_of() {
  kubectl get events --namespace "$1" --sort-by=.metadata.creationTimestamp \
    --output 'jsonpath={range .items[-20:]}{.involvedObject.name}: {.message}{"\n"}{end}'
}

# Waits for a condition of everything that matches, one after the other.
await() {
  local pattern=$1 condition=$2 page=$3 file namespace kind name
  while read -r file; do
    [[ -n $file ]] || continue
    # NAMESPACE_GROUP_VERSION_KIND_NAME.yaml, as kubectl kustomize -o names them.
    IFS=_ read -r namespace _ _ kind name <<<"$(basename "$file" .yaml)"
    patiently "$kind $name" "$page" "events_of $namespace" \
      kubectl wait --for="$condition" --timeout="${timeout}s" -f "$file"
  done < <(files "$pattern")
}

# Waits until a Job has ended well. One that has failed is not waited for any longer.
await_job() {
  local job=$1 page=$2 limit=$3
  patiently "the Job $job" "$page" "log_of kandle job/$job" ended_well "$job" "$limit"
}

ended_well() {
  local job=$1 limit=$2 began=$SECONDS state
  [[ -z $dry ]] || return 0
  while ((SECONDS - began < limit)); do
    state=$(kubectl get job --namespace kandle "$job" \
      --output 'jsonpath={range .status.conditions[?(@.status=="True")]}{.type} {end}')
    [[ $state != *Complete* ]] || return 0
    [[ $state != *Failed* ]] || return 1
    sleep 1
  done
  return 1
}

# run_restore NAME ARGUMENT …: a Job of the audit's image that restores; waits until it has ended.
run_restore() {
  local job=$1 arguments='"restore"' one
  shift
  for one in "$@"; do arguments+=",\"$one\""; done
  if [[ -n $dry ]]; then
    echo "+ job $job: $*"
    return
  fi
  kubectl delete --ignore-not-found --namespace kandle job "$job"
  kubectl create job "$job" --namespace kandle --from=cronjob/audit --dry-run=client -o yaml |
    kubectl patch --local -f - -o yaml --type json \
      -p "[{\"op\":\"replace\",\"path\":\"/spec/template/spec/containers/0/args\",\"value\":[$arguments]}]" |
    sed 's/secretName: \(kafka\|cassandra\)-audit$/secretName: \1-restore/' | # it may move consumer groups
    kubectl apply -f -
  # The Job has its own limits, and so has what it does.
  timeout=72000 await_job "$job" docs/runbook/emptied-keyspace.md 72000
}

# The event sources that are there take nothing more. Deleting one would not do: its group stays while a member is in it.
stop_sources() {
  local file name
  while read -r file; do
    [[ -n $file ]] || continue
    name=${file##*_kafkasource_} && name=${name%.yaml}
    if [[ -n $dry ]]; then
      echo "+ kubectl patch kafkasource $name consumers: 0"
    elif kubectl get kafkasource --namespace kandle "$name" >/dev/null 2>&1; then
      kubectl patch kafkasource --namespace kandle "$name" --type merge -p '{"spec":{"consumers":0}}'
    fi
  done < <(files '_kafkasource_')
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

# Where functions ask who sends (components/senders), the cluster must say it as they expect it: a source without an identity
# delivers nothing, and a token of another issuer is refused.
check_senders() {
  local settings policy issuer
  settings=$(files '_configmap_kandle-senders')
  [[ -n $settings ]] || return 0
  [[ $(kubectl get configmap --namespace knative-eventing config-features \
    --output 'jsonpath={.data.authentication-oidc}' 2>/dev/null | tr '[:upper:]' '[:lower:]') == enabled ]] ||
    fail "Eventing gives its sources no identity: set authentication-oidc: enabled in the ConfigMap config-features of
knative-eventing, or take ../../components/senders out of overlays/$overlay (docs/operations.md, \"Who may send\")"
  issuer=$(kubectl get --raw /.well-known/openid-configuration | sed 's/.*"issuer": *"\([^"]*\)".*/\1/')
  grep -q "OIDC_ISSUER: \"\{0,1\}$issuer\"\{0,1\}\$" "$settings" ||
    fail "the cluster's tokens are made by $issuer: put that at OIDC_ISSUER of kandle-senders"
  policy=$(files '_networkpolicy_to-cluster-api')
  ! grep -q '192\.0\.2\.1/32' "$policy" ||
    fail "NetworkPolicy to-cluster-api leads nowhere: put the addresses of the cluster's API there ($(
      kubectl get endpointslices --namespace default --selector kubernetes.io/service-name=kubernetes \
        --output 'jsonpath={.items[*].endpoints[*].addresses[*]}'
    ))"
}

# The Secrets that parts log in with; none where the overlay asks for no login. Who logs in: security/src/rights.ts.
kafka_logins() {
  grep -qs KAFKA_SASL_MECHANISM "$work"/*configmap_kandle-kafka* || return 0
  sed -n 's/^ *name: \(kafka-.*\)$/\1/p' components/kafka/users.yaml | sort -u
}

cassandra_logins() {
  echo cassandra-admin
  sed -n 's/^GRANT .* TO kandle_\(.*\);$/cassandra-\1/p' ../cql/grants.cql | sort -u
}

check_secrets() {
  local wanted='kandle/finnhub' secret missing=''
  for secret in $(kafka_logins); do wanted+=" kandle/$secret"; done
  for secret in $(cassandra_logins); do
    ! grep -qs CASSANDRA_USERNAME "$work"/*configmap_kandle-cassandra* || wanted+=" kandle/$secret"
    ! grep -qs superuserSecretName "$work"/*cassandradatacenter* || wanted+=" cassandra/$secret"
  done
  for secret in $wanted; do
    kubectl get secret --namespace "${secret%/*}" "${secret#*/}" >/dev/null 2>&1 || missing+=" $secret"
  done
  [[ -z $missing ]] || fail "secrets are missing:$missing. Make them with knative/make-secrets.sh --overlay $overlay"
}

# Strimzi signs Kafka's certificates itself; who talks to Kafka must know its authority. Again at each deployment,
# because it is renewed once a year.
copy_kafka_authority() {
  local authority logins name
  logins=$(kafka_logins)
  [[ -n $logins ]] || return 0
  authority=$(kubectl get secret --namespace kafka kandle-cluster-ca-cert -o 'jsonpath={.data.ca\.crt}')
  [[ -n $authority ]] || fail 'Strimzi has not made the Secret kandle-cluster-ca-cert yet'
  for name in $logins; do
    kubectl patch secret --namespace kandle "$name" --type merge -p "{\"data\":{\"ca.crt\":\"$authority\"}}"
  done
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
  # A source's group is deleted with it only if nobody is in it any more.
  stop_sources
  run sleep 10
  take_away '_kafkasource_'
  take_away '_serving\.knative\.dev_'
  step 'the rest, but neither topics nor volumes, servers, namespaces, secrets'
  take_away '^kandle_' '_(kafkasource|kafkatopic|kafkauser|statefulset|persistentvolumeclaim)_|serving\.knative\.dev'
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
if [[ -n $check ]]; then
  # The project's own Node: the machine's may be too old for it.
  [[ -x ../node_modules/.bin/node ]] || fail '--check wants what npm ci installs'
  ../node_modules/.bin/node check/cluster-room.ts "$source" || exit 1
  exit 0
fi

[[ -n $dry ]] || check_cluster
[[ -n $dry ]] || check_senders
step namespaces
apply '^v1_namespace_'
[[ -n $dry ]] || check_secrets

if [[ -n $(files '_kafka_kandle|_cassandradatacenter_') ]]; then
  step 'servers: this takes minutes the first time'
  apply '_kafka_kandle|_kafkanodepool_|_kafkauser_|_cassandradatacenter_|^cassandra_networking'
  await '_kafka_kandle' condition=Ready docs/runbook/deployment-hangs.md
  await '_cassandradatacenter_' condition=Ready docs/runbook/deployment-hangs.md
  [[ -n $dry || -z $(files '_kafka_kandle') ]] || copy_kafka_authority
fi

step 'settings and topics'
apply '^kandle_v1_(configmap|serviceaccount)_|^kandle_networking|_kafkatopic_|_kafkasink_'
await '_kafkatopic_' condition=Ready docs/runbook/deployment-hangs.md

if [[ -n $restore ]]; then
  step 'event sources stop, and the groups that read the raw log go back'
  stop_sources
  apply '_cronjob_audit'
  run_restore restore-begin --begin --yes --wait 5m ${since:+--since "$since"}
  # Notify's source comes with nobody in it, until old signals are behind it.
  notify=$(files '_kafkasource_notify')
  mv "$notify" "$work/notify.kept"
  sed 's/^  consumers: .*/  consumers: 0/' "$work/notify.kept" >"$notify"
fi

step schema
# A Job cannot be changed: the one of the last deployment makes room for this one.
run kubectl delete --ignore-not-found --namespace kandle job schema
if [[ -n $accept ]]; then
  schema=$(files '_job_schema')
  kubectl set env --local -f "$schema" ACCEPT_EMPTY=true -o yaml >"$work/schema.accepting"
  mv "$work/schema.accepting" "$schema"
fi
apply '_job_schema'
await_job schema docs/runbook/deployment-hangs.md "$timeout"

step functions
while read -r file; do
  name=${file##*_service_}
  name=${name%.yaml}
  patiently "the function $name" docs/runbook/deployment-hangs.md \
    "log_of kandle -lserving.knative.dev/service=$name" \
    kn service apply "$name" --namespace kandle --filename "$file" --wait-timeout "$timeout"
done < <(files '_serving\.knative\.dev_.*_service_')

step 'event sources, ingest and the rest'
# kn has applied the functions from the same files; everything else is applied here, what is there already again. The schema
# Job cannot be applied again once it was changed for --accept-empty, and has done its work.
rm -f $(files '_job_schema')
run kubectl apply -f "$work" --selector 'app.kubernetes.io/component!=function'
await "_kafkasource_${restore:+([^n]|n[^o])}" condition=Ready docs/runbook/deployment-hangs.md
patiently ingest docs/runbook/ingest-not-ready.md 'log_of kandle statefulset/ingest' \
  kubectl rollout status --namespace kandle statefulset/ingest --timeout "${timeout}s"
if [[ -n $restore ]]; then
  step 'the audit, until it is clean: as long as reading the log again takes'
  run_restore restore-end --end --within "$within"
  step "notify's event source"
  cp "$work/notify.kept" "$notify"
  apply '_kafkasource_notify'
fi
step 'done'
if [[ -z $dry ]]; then
  kubectl get --namespace kandle ksvc,kafkasources,statefulsets,pods
  # A hint: the setting is the whole cluster's. Who may not read it is told nothing.
  properties=$(kubectl get configmap config-kafka-source-data-plane --namespace knative-eventing \
    -o 'jsonpath={.data.config-kafka-source-consumer\.properties}' 2>/dev/null || true)
  ! grep -qx 'max\.partition\.fetch\.bytes=65536' <<<"$properties" ||
    echo 'A backlog goes a quarter faster after knative/kafka-source-settings.sh, once for this cluster.'
fi
