#!/usr/bin/env bash
# Makes the topics of knative/base in a Kafka without Strimzi, by a Job with Kafka's own kafka-topics. Running it again
# changes nothing but the settings that differ; it never deletes a topic or changes its partitions.
set -euo pipefail
cd "$(dirname "$0")"

usage() {
  cat <<'TEXT'
Usage: knative/kafka-setup-k8s.sh --bootstrap HOST:PORT [--replication N] [--login] [--image IMAGE] [--dry-run]

  --bootstrap HOST:PORT  where Kafka is, as the cluster sees it
  --replication N        copies of each topic (default 3); with 3 or more, two must have a write (min.insync.replicas)
  --login                by TLS and SCRAM with the Secret kafka-admin (user, password, ca.crt of one who may make topics)
  --namespace NAME       default kandle, which must exist (kubectl create namespace kandle)
  --image IMAGE          default apache/kafka:4.1.0
  --timeout SECONDS      how long the Job may take (default 300)
  --dry-run              print what would be applied
  --help                 this text
TEXT
}

fail() {
  echo "kafka-setup-k8s.sh: $*" >&2
  exit 1
}

value() {
  (($# > 1)) || fail "$1 wants a value"
  printf '%s' "$2"
}

bootstrap='' replication=3 login='' namespace=kandle image=apache/kafka:4.1.0 timeout=300 dry=''
while (($# > 0)); do
  case $1 in
    --bootstrap) bootstrap=$(value "$@") && shift ;;
    --replication) replication=$(value "$@") && shift ;;
    --namespace) namespace=$(value "$@") && shift ;;
    --image) image=$(value "$@") && shift ;;
    --timeout) timeout=$(value "$@") && shift ;;
    --login) login=yes ;;
    --dry-run) dry=yes ;;
    --help | -h) usage && exit 0 ;;
    *) fail "there is no option $1; --help lists them" ;;
  esac
  shift
done
[[ $bootstrap =~ ^[A-Za-z0-9.-]+:[0-9]+$ ]] || fail '--bootstrap wants HOST:PORT'
[[ $replication =~ ^[1-9][0-9]*$ ]] || fail '--replication wants a whole number'
command -v kubectl >/dev/null || fail 'there is no kubectl here: https://kubernetes.io/docs/tasks/tools/'

# The topics stand in one place only: "name partitions key=value,key=value", one a line.
topics=$(kubectl kustomize base | awk -v copies="$replication" '
  function flush() {
    if (kind == "KafkaTopic") {
      if (copies >= 3) settings = settings ",min.insync.replicas=2"
      print name, partitions, substr(settings, 2)
    }
    kind = name = partitions = settings = ""; inside = 0
  }
  /^---/ { flush(); next }
  /^kind:/ { kind = $2 }
  /^  config:/ { inside = 1; next }
  inside && /^    / { key = $1; sub(":", "", key); text = $2; gsub("[\"\47]", "", text); settings = settings "," key "=" text; next }
  /^  [a-z]/ { inside = 0 }
  /^  topicName:/ { name = $2 }
  /^  partitions:/ { partitions = $2 }
  END { flush() }')
[[ -n $topics ]] || fail 'knative/base has no KafkaTopic'

indent() {
  sed "s/^/$1/"
}

manifest() {
  cat <<YAML
apiVersion: v1
kind: ConfigMap
metadata:
  name: kafka-setup
  namespace: $namespace
data:
  topics: |
$(indent '    ' <<<"$topics")
  setup.sh: |
$(indent '    ' <kafka-topics.sh)
---
# The namespace denies what is not allowed: this Job may look names up and talk to Kafka.
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: kafka-setup
  namespace: $namespace
spec:
  podSelector:
    matchLabels:
      app.kubernetes.io/name: kafka-setup
  policyTypes: [Ingress, Egress]
  egress:
    - ports:
        - protocol: UDP
          port: 53
        - protocol: TCP
          port: 53
        - protocol: TCP
          port: ${bootstrap##*:}
---
apiVersion: batch/v1
kind: Job
metadata:
  name: kafka-setup
  namespace: $namespace
spec:
  backoffLimit: 3
  activeDeadlineSeconds: $timeout
  template:
    metadata:
      labels:
        app.kubernetes.io/name: kafka-setup
    spec:
      restartPolicy: Never
      automountServiceAccountToken: false
      enableServiceLinks: false
      securityContext:
        runAsNonRoot: true
        runAsUser: 1000
        seccompProfile:
          type: RuntimeDefault
      containers:
        - name: kafka-setup
          image: $image
          command: [/bin/bash, /setup/setup.sh]
          env:
            - {name: BOOTSTRAP, value: "$bootstrap"}
            - {name: REPLICATION, value: "$replication"}
            - {name: LOG_DIR, value: /tmp} # Kafka's tools want to write a log
            - {name: LOGIN, value: "$login"}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities:
              drop: [ALL]
          resources:
            requests: {cpu: 100m, memory: 256Mi}
            limits: {memory: 512Mi}
          volumeMounts:
            - {name: setup, mountPath: /setup, readOnly: true}
            - {name: credentials, mountPath: /secrets/kafka, readOnly: true}
            - {name: tmp, mountPath: /tmp}
      volumes:
        - name: setup
          configMap: {name: kafka-setup}
        - name: credentials
          secret: {secretName: kafka-admin, optional: true}
        - name: tmp
          emptyDir: {medium: Memory, sizeLimit: 16Mi} # it may hold the password: never on a disk
YAML
}

if [[ -n $dry ]]; then
  manifest
  exit 0
fi
kubectl get namespace "$namespace" >/dev/null || fail "there is no namespace $namespace: kubectl create namespace $namespace"
# A Job cannot be changed: the last one makes room.
kubectl delete --ignore-not-found --namespace "$namespace" job kafka-setup
manifest | kubectl apply -f -
kubectl wait --namespace "$namespace" job/kafka-setup --for=condition=Complete --timeout="${timeout}s" || {
  kubectl logs --namespace "$namespace" job/kafka-setup || true
  fail 'the topics are not all there; the lines above say why'
}
kubectl logs --namespace "$namespace" job/kafka-setup
