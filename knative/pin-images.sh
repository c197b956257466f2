#!/usr/bin/env bash
# Names the images of an overlay by what they are (sha256) and not by a tag, which whoever may push can put on another image.
set -euo pipefail
cd "$(dirname "$0")"

usage() {
  cat <<'TEXT'
Usage: knative/pin-images.sh --overlay NAME [--registry NAME] [--tag TAG] [--plain-http]

  --overlay NAME   a folder of knative/overlays, such as production
  --registry NAME  the images are there: NAME/kandle/transform
  --tag TAG        this version of them
  --plain-http     the registry speaks HTTP, as one of your own for trials may
  --help           this text

Asks the registry for each image (by crane or skopeo if there is one, which know your login; else by curl, without one), and
writes the overlay NAME-pinned: the same with digests. Deploy that one: knative/deploy.sh --overlay NAME-pinned
TEXT
}

fail() {
  echo "pin-images.sh: $*" >&2
  exit 1
}

value() {
  (($# > 1)) || fail "$1 wants a value"
  printf '%s' "$2"
}

overlay='' registry='' tag='' scheme=https
while (($# > 0)); do
  case $1 in
    --overlay) overlay=$(value "$@") && shift ;;
    --registry) registry=$(value "$@") && shift ;;
    --tag) tag=$(value "$@") && shift ;;
    --plain-http) scheme=http ;;
    --help | -h) usage && exit 0 ;;
    *) fail "there is no option $1; --help lists them" ;;
  esac
  shift
done
[[ -f overlays/$overlay/kustomization.yaml && $overlay != *-pinned ]] || fail "--overlay: there is no overlay '$overlay'"
command -v kubectl >/dev/null || fail 'there is no kubectl here: https://kubernetes.io/docs/tasks/tools/'

# digest IMAGE:TAG
digest() {
  local image=$1 host name accept body
  if command -v crane >/dev/null; then
    crane digest $([[ $scheme == https ]] || echo --insecure) "$image"
  elif command -v skopeo >/dev/null; then
    skopeo inspect $([[ $scheme == https ]] || echo --tls-verify=false) --format '{{.Digest}}' "docker://$image"
  else
    host=${image%%/*} name=${image#*/}
    accept='application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json'
    accept+=', application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json'
    body=$(mktemp)
    curl --fail --silent --show-error --max-time 30 --header "Accept: $accept" --output "$body" \
      "$scheme://$host/v2/${name%:*}/manifests/${name##*:}" || { rm -f "$body" && return 1; }
    # The sum of what came, not what a header says of it.
    echo "sha256:$(sha256sum "$body" | cut -d' ' -f1)"
    rm -f "$body"
  fi
}

pinned=overlays/$overlay-pinned
written=$(mktemp)
trap 'rm -f "$written"' EXIT
printf '# Made by knative/pin-images.sh: what the overlay %s names, by digest.\n' "$overlay" >"$written"
printf 'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n  - ../%s\nimages:\n' "$overlay" >>"$written"
images=$(kubectl kustomize "overlays/$overlay" | sed -n 's/^ *-\{0,1\} *image: //p' | grep 'kandle/' | sort -u)
[[ -n $images ]] || fail "the overlay $overlay names no image of Kandle"
while read -r image; do
  named=${image%@*} && name=${named%:*}
  version=${tag:-${named##*:}}
  target=$name
  [[ -z $registry ]] || target=$registry/kandle/${name##*/}
  [[ $target == *.*/* || $target == *:*/* || $target == localhost/* ]] ||
    fail "$target is in no registry: name one by --registry"
  sum=$(digest "$target:$version") || fail "the registry does not answer for $target:$version"
  [[ $sum =~ ^sha256:[0-9a-f]{64}$ ]] || fail "the registry answers '$sum' for $target:$version"
  echo "$target:$version is $sum"
  printf '  - name: %s\n    newName: %s\n    digest: %s\n' "$name" "$target" "$sum" >>"$written"
done <<<"$images"
mkdir -p "$pinned"
mv "$written" "$pinned/kustomization.yaml"
trap - EXIT
echo "knative/$pinned is written: knative/deploy.sh --overlay $overlay-pinned"
