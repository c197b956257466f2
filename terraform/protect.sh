#!/usr/bin/env bash
# Tells Terraform that the data of a root may be destroyed from now on, or may not. `prevent_destroy` takes no variable, so
# what is protected and what is not are two resources: what stands must be moved from one to the other before protect_data is
# changed, or Terraform would want to delete it under its one name and to make it again, empty, under the other.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: terraform/protect.sh ROOT on|off

  ROOT  pipeline or cluster/openstack, with its state at hand (terraform init)
  on    before the first apply with protect_data = true of what was applied with false
  off   before the first apply with protect_data = false of what was applied with true

It moves addresses in the state and asks nothing of the cluster. Then `terraform plan` with the new protect_data must have
no changes.
TEXT
}

case ${1:-} in --help | -h) usage && exit 0 ;; esac
case ${2:-} in
  on) from=free to=protected ;;
  off) from=protected to=free ;;
  *) usage >&2 && exit 2 ;;
esac
root=$(dirname "$0")/$1
addresses=$(terraform -chdir="$root" state list | sed -n "s/^\(.*\)\.$from\[.*/\1/p" | sort -u)
for address in $addresses; do
  terraform -chdir="$root" state mv "$address.$from" "$address.$to"
done
