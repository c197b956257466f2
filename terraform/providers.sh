#!/usr/bin/env bash
# Builds the providers of these roots from their Go modules, for machines that reach no Terraform registry.
set -euo pipefail
cd "$(dirname "$0")"

usage() {
  cat <<'TEXT'
Usage: terraform/providers.sh [--into FOLDER]

Builds the three providers from source, each for minutes on two cores, and puts them where terraform/check.sh looks
(default: ~/.cache/kandle/terraform-providers). Whoever reaches a Terraform registry does not need this. Wants Go 1.24.
TEXT
}

into=${XDG_CACHE_HOME:-$HOME/.cache}/kandle/terraform-providers
while (($# > 0)); do
  case $1 in
    --into) into=${2:?--into wants a folder} && shift ;;
    --help | -h) usage && exit 0 ;;
    *) echo "providers.sh: there is no option $1; --help lists them" >&2 && exit 1 ;;
  esac
  shift
done
command -v go >/dev/null || { echo 'providers.sh: there is no go here: https://go.dev/doc/install' >&2 && exit 1; }

platform=$(go env GOOS)_$(go env GOARCH)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# build NAMESPACE/TYPE VERSION MODULE MODULE_VERSION: a release tag v2 or v3 that breaks Go's rule for paths has no name in
# Go's proxy, so such a version is named by its commit.
build() {
  local file=$into/registry.terraform.io/$1/$2/$platform/terraform-provider-${1##*/}_v$2
  [[ -x $file ]] && echo "$1 $2 is there" && return
  echo "$1 $2: building …"
  mkdir -p "$work/${1##*/}" "$(dirname "$file")"
  (
    cd "$work/${1##*/}"
    go mod init kandle.test/provider >/dev/null 2>&1
    go mod edit -require "$3@$4"
    GOFLAGS=-mod=mod GOTOOLCHAIN=local go build -trimpath -o "$file.part" "$3"
  )
  mv "$file.part" "$file"
}

build hashicorp/kubernetes 3.2.1 github.com/hashicorp/terraform-provider-kubernetes v1.13.4-0.20260821094251-3a33fb6cc605
build hashicorp/helm 3.2.0 github.com/hashicorp/terraform-provider-helm v1.3.3-0.20260629194918-a4f1c1d8b008
build terraform-provider-openstack/openstack 3.4.0 github.com/terraform-provider-openstack/terraform-provider-openstack/v3 v3.4.0
echo "in $into"
