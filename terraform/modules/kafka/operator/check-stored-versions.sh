#!/usr/bin/env bash
# Refuses a change to Strimzi 1.0 or newer while the cluster still holds resources in an API version before v1.
# KUBECONFIG_FILE, CONTEXT: the cluster. TARGET: the version that is to be installed.
set -euo pipefail

stored=$(kubectl --kubeconfig "$KUBECONFIG_FILE" --context "$CONTEXT" get crd --request-timeout=20s \
  -o 'jsonpath={range .items[?(@.spec.group=="kafka.strimzi.io")]}{.metadata.name}{" "}{.status.storedVersions}{"\n"}{end}')
old=$(grep -E 'v1(alpha|beta)[0-9]+' <<<"$stored" || true)
if [[ ${TARGET%%.*} -ge 1 && -n $old ]]; then
  cat >&2 <<TEXT
Strimzi $TARGET knows the API v1 alone, and this cluster still stores older versions:
$old
First take 0.49 to 0.51 and convert what is stored with its tool: v1-api-conversion convert-resource, then crd-upgrade.
TEXT
  exit 1
fi
echo "Strimzi $TARGET: nothing is stored in an API version before v1"
