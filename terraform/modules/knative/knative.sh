#!/usr/bin/env bash
# knative.sh install|remove: Knative Serving, Kourier, Eventing, KafkaSource and KafkaSink of one release.
# KUBECONFIG_FILE, CONTEXT: the cluster. RELEASE: such as knative-v1.23.0.
set -euo pipefail

github=https://github.com
files=(
  "$github/knative/serving/releases/download/$RELEASE/serving-crds.yaml"
  "$github/knative/serving/releases/download/$RELEASE/serving-core.yaml"
  "$github/knative-extensions/net-kourier/releases/download/$RELEASE/kourier.yaml"
  "$github/knative/eventing/releases/download/$RELEASE/eventing-crds.yaml"
  "$github/knative/eventing/releases/download/$RELEASE/eventing-core.yaml"
  "$github/knative-extensions/eventing-kafka-broker/releases/download/$RELEASE/eventing-kafka-controller.yaml"
  "$github/knative-extensions/eventing-kafka-broker/releases/download/$RELEASE/eventing-kafka-source.yaml"
  "$github/knative-extensions/eventing-kafka-broker/releases/download/$RELEASE/eventing-kafka-sink.yaml"
)

k() {
  kubectl --kubeconfig "$KUBECONFIG_FILE" --context "$CONTEXT" "$@"
}

case ${1:-} in
  install)
    for file in "${files[@]}"; do
      echo "== $file"
      k apply --server-side --force-conflicts -f "$file"
      # What comes next uses the kinds that these files define.
      [[ $file != *-crds.yaml ]] || k wait --for=condition=Established --timeout=60s -f "$file"
    done
    k patch configmap/config-network --namespace knative-serving --type merge \
      --patch '{"data":{"ingress-class":"kourier.ingress.networking.knative.dev"}}'
    for namespace in knative-serving kourier-system knative-eventing; do
      k wait --namespace "$namespace" --for=condition=Available --timeout=600s deployment --all
    done
    ;;
  remove)
    for ((i = ${#files[@]} - 1; i >= 0; i--)); do
      k delete --ignore-not-found --wait=true --timeout=300s -f "${files[i]}"
    done
    ;;
  *)
    echo 'usage: knative.sh install|remove' >&2
    exit 2
    ;;
esac
