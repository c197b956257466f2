#!/usr/bin/env bash
# Checks all that is written here, offline: format, and for every root init, validate and its tests with played providers.
set -euo pipefail
cd "$(dirname "$0")"

if [[ ${1:-} == --help || ${1:-} == -h ]]; then
  cat <<'TEXT'
Usage: npm run check:terraform

Providers come from ~/.cache/kandle/terraform-providers (terraform/providers.sh builds them) or, where that is not, from
Terraform's registry. A root whose providers are in neither is left out, and it is said. KANDLE_TERRAFORM=require makes
that an error.
TEXT
  exit 0
fi

missing() {
  echo "Left out: $1" >&2
  [[ ${KANDLE_TERRAFORM:-} != require ]] || exit 1
}

command -v terraform >/dev/null || { missing 'there is no terraform here' && exit 0; }

terraform fmt -check -diff -recursive .
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TF_CLI_CONFIG_FILE=$work/terraformrc CHECKPOINT_DISABLE=1 TF_IN_AUTOMATION=1
mirror=${XDG_CACHE_HOME:-$HOME/.cache}/kandle/terraform-providers
if [[ -d $mirror ]]; then
  printf 'provider_installation {\n  filesystem_mirror {\n    path = "%s"\n  }\n}\n' "$mirror" >"$TF_CLI_CONFIG_FILE"
else
  : >"$TF_CLI_CONFIG_FILE"
fi

# A copy, so that what init leaves behind (lock files with the checksums of this machine's providers) stays out of the tree.
cp -R . "$work/terraform"
cp -R ../knative "$work/knative"
[[ ! -d ../grafana ]] || cp -R ../grafana "$work/grafana"
for root in cluster/local cluster/openstack operators pipeline; do
  echo "== $root"
  if ! terraform -chdir="$work/terraform/$root" init -backend=false -input=false -no-color >"$work/log" 2>&1; then
    if grep -qE 'no available releases|could not connect|Failed to query available provider|not available for' "$work/log"; then
      missing "the providers of terraform/$root cannot be had here (terraform/providers.sh builds them)"
      continue
    fi
    cat "$work/log" >&2
    exit 1
  fi
  terraform -chdir="$work/terraform/$root" validate -no-color
  terraform -chdir="$work/terraform/$root" test -no-color
done
