#!/usr/bin/env bash
# Makes the Secrets that Kandle needs and that are not there yet. What is there is kept. Nothing secret is printed, or
# given to a program as an argument, where every user of the machine could read it.
set -euo pipefail
cd "$(dirname "$0")"

usage() {
  cat <<'TEXT'
Usage: knative/make-secrets.sh --overlay NAME --finnhub-token FILE [options]

  --overlay NAME          kind and minikube need the feed's key only
  --finnhub-token FILE    a file with the feed's key ("-": standard input)
  --logins DIR            take the passwords from there (npm run rights -- --secrets DIR); default: new ones, for Strimzi and
                          cass-operator to give to the users and roles that they make
  --kafka-ca FILE         the authority of Kafka's certificate, if it is not Strimzi's
  --cassandra-admin NAME           who may make tables and grant rights; default: kandle_admin
  --cassandra-admin-password FILE  default: as the others
  --help                  this text

Each part has a login of its own. In your own Kafka and Cassandra make them with: npm run rights -- --secrets DIR --kafka --cassandra
TEXT
}

fail() {
  echo "make-secrets.sh: $*" >&2
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

overlay='' token='' logins='' kafka_ca='' admin=kandle_admin admin_password=''
while (($# > 0)); do
  case $1 in
    --overlay) overlay=$(value "$@") && shift ;;
    --finnhub-token) token=$(value "$@") && shift ;;
    --logins) logins=$(value "$@") && shift ;;
    --kafka-ca) kafka_ca=$(value "$@") && shift ;;
    --cassandra-admin) admin=$(value "$@") && shift ;;
    --cassandra-admin-password) admin_password=$(value "$@") && shift ;;
    --help | -h) usage && exit 0 ;;
    *) fail "there is no option $1; --help lists them" ;;
  esac
  shift
done
[[ -f overlays/$overlay/kustomization.yaml ]] || fail "--overlay: expected one of $(overlay_names)"
command -v kubectl >/dev/null || fail 'there is no kubectl here: https://kubernetes.io/docs/tasks/tools/'

# The content of a file, or a new password where none is named.
content() {
  if [[ $1 == - ]]; then
    cat
  elif [[ -n $1 ]]; then
    cat -- "$1"
  else
    head -c 24 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n'
  fi
}

has() {
  kubectl get secret --namespace "$1" "$2" >/dev/null 2>&1
}

# make NAMESPACE NAME KEY VALUE [KEY VALUE …]; the manifest goes through a pipe.
make() {
  local namespace=$1 name=$2
  shift 2
  if has "$namespace" "$name"; then
    echo "$namespace/$name is there and kept"
    return
  fi
  {
    printf 'apiVersion: v1\nkind: Secret\nmetadata:\n  name: %s\n  namespace: %s\ntype: Opaque\ndata:\n' "$name" "$namespace"
    while (($# > 0)); do
      printf '  %s: %s\n' "$1" "$(printf '%s' "$2" | base64 | tr -d '\n')"
      shift 2
    done
  } | kubectl create -f - >/dev/null
  echo "$namespace/$name is made"
}

rendered=$(kubectl kustomize "overlays/$overlay")
for namespace in kandle kafka cassandra; do
  if grep -q "^  name: $namespace\$" <<<"$rendered" && ! kubectl get namespace "$namespace" >/dev/null 2>&1; then
    kubectl create namespace "$namespace" >/dev/null
  fi
done
if ! has kandle finnhub; then
  [[ -n $token ]] || fail '--finnhub-token is missing: a file with the key, or - for standard input'
  key=$(content "$token")
  [[ -n $key ]] || fail "there is no key in $token"
  make kandle finnhub token "$key"
fi
# password_of SECRET: that of the folder of logins, or a new one.
password_of() {
  if [[ -n $logins ]]; then
    [[ -s $logins/$1/password ]] || fail "there is no $1/password in $logins"
    content "$logins/$1/password"
  else
    content ''
  fi
}

# Who logs in stands in security/src/rights.ts; both lists are made from it. Each password is taken first by itself: within
# the arguments of another command a failure would go unseen, and leave an empty one.
if grep -q 'name: KAFKA_SASL\|KAFKA_SASL_MECHANISM' <<<"$rendered"; then
  ca=''
  [[ -z $kafka_ca ]] || ca=$(cat -- "$kafka_ca")
  for name in $(sed -n 's/^ *name: \(kafka-.*\)$/\1/p' components/kafka/users.yaml | sort -u); do
    password=$(password_of "$name")
    make kandle "$name" user "kandle-${name#kafka-}" password "$password" \
      protocol SASL_SSL sasl.mechanism SCRAM-SHA-512 ca.crt "$ca"
  done
fi
if grep -q CASSANDRA_USERNAME <<<"$rendered"; then
  roles=$(sed -n 's/^GRANT .* TO kandle_\(.*\);$/cassandra-\1/p' ../cql/grants.cql | sort -u)
  if [[ -n $admin_password ]]; then password=$(content "$admin_password"); else password=$(password_of cassandra-admin); fi
  make kandle cassandra-admin username "$admin" password "$password"
  for name in $roles; do
    password=$(password_of "$name")
    make kandle "$name" username "kandle_${name#cassandra-}" password "$password"
  done
  if grep -q '^  superuserSecretName:' <<<"$rendered"; then
    # cass-operator makes the roles of these, in its own namespace: the same passwords, also when some are there already.
    for name in cassandra-admin $roles; do
      has cassandra "$name" && echo "cassandra/$name is there and kept" && continue
      kubectl get secret --namespace kandle "$name" -o yaml |
        sed -n '/^apiVersion/p;/^kind/p;/^type/p;/^data:/,/^[a-z]*:/{/^data:/p;/^  /p;}' |
        { cat && printf 'metadata:\n  name: %s\n  namespace: cassandra\n' "$name"; } | kubectl create -f - >/dev/null
      echo "cassandra/$name is made"
    done
  fi
fi
