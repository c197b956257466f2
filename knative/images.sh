#!/usr/bin/env bash
# Builds the image of every part of Kandle, and brings it to where a cluster finds it.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  cat <<'TEXT'
Usage: knative/images.sh [--registry NAME --push | --kind CLUSTER | --minikube] [--tag TAG] [--dry-run] [PART…]
                         [-- OPTION…]

  --registry NAME   image names begin with it: NAME/kandle/transform:TAG
  --push            push them there
  --kind CLUSTER    name them kind.local/kandle/…:dev and load them into this kind cluster (its usual name is "kind")
  --minikube        name them dev.local/kandle/…:dev and build them with the engine inside minikube
  --tag TAG         default: dev for kind and minikube, else the version in package.json
  --no-code-cache   leave out what V8 compiled of the code: the same bytes every time, and first events in twice the time
  --engine PROGRAM  docker (default) or podman
  --node-image NAME what it is built with (default: NODE_IMAGE of the Dockerfile): Debian's C library, node and npm
  --run-image NAME  what it runs on (default: RUN_IMAGE of the Dockerfile): the same C library and /nodejs/bin/node
  --dry-run         say what would be done
  PART              only these; default: every part
  -- OPTION…        given to the engine's build as they are, such as --network=host
TEXT
}

fail() {
  echo "images.sh: $*" >&2
  exit 1
}

value() {
  (($# > 1)) || fail "$1 wants a value"
  printf '%s' "$2"
}

registry='' push='' kind='' minikube='' tag='' dry='' engine=docker cache=on parts=() options=()
while (($# > 0)); do
  case $1 in
    --registry) registry=$(value "$@") && shift ;;
    --kind) kind=$(value "$@") && shift ;;
    --tag) tag=$(value "$@") && shift ;;
    --engine) engine=$(value "$@") && shift ;;
    --node-image) options+=(--build-arg "NODE_IMAGE=$(value "$@")") && shift ;;
    --run-image) options+=(--build-arg "RUN_IMAGE=$(value "$@")") && shift ;;
    --push) push=yes ;;
    --minikube) minikube=yes ;;
    --no-code-cache) cache=off ;;
    --dry-run) dry=yes ;;
    --help | -h) usage && exit 0 ;;
    --) shift && options+=("$@") && break ;;
    -*) fail "there is no option $1; --help lists them" ;;
    *) parts+=("$1") ;;
  esac
  shift
done

run() {
  if [[ -n $dry ]]; then
    echo "+ $*"
  else
    "$@"
  fi
}

need() {
  [[ -n $dry ]] || command -v "$1" >/dev/null || fail "there is no $1 here: install it first"
}

[[ -z $kind || -z $minikube ]] || fail '--kind and --minikube exclude each other'
[[ -z $push || -n $registry ]] || fail '--push wants --registry'
if [[ -n $kind ]]; then
  registry=kind.local tag=${tag:-dev}
  need kind
elif [[ -n $minikube ]]; then
  registry=dev.local tag=${tag:-dev}
  need minikube
fi
[[ -n $registry ]] || fail 'where to? --registry, --kind or --minikube; --help says more'
[[ -n $tag ]] || tag=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)
need "$engine"
if [[ -n $minikube && -z $dry ]]; then
  # From here on the engine's commands go to the one inside minikube.
  eval "$(minikube docker-env)"
fi

if ((${#parts[@]} == 0)); then
  for file in functions/*/src/index.ts; do
    part=${file#functions/}
    parts+=("${part%%/*}")
  done
  parts+=(audit backfill generator)
fi
# The same times for the same commit, so that the same sources give the same image.
epoch=$(git log -1 --pretty=%ct 2>/dev/null || echo 0)
for part in "${parts[@]}"; do
  image=$registry/kandle/$part:$tag
  echo "== $image"
  run "$engine" build --build-arg "FUNCTION=$part" --build-arg "SOURCE_DATE_EPOCH=$epoch" \
    --build-arg "CODE_CACHE=$cache" "${options[@]}" --tag "$image" .
  [[ -z $kind ]] || run kind load docker-image "$image" --name "$kind"
  [[ -z $push ]] || run "$engine" push "$image"
done
