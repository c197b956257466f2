#!/usr/bin/env bash
# Makes what compose.yaml wants and nobody should write: a login for every part, each with a password by chance, and `.env`.
# Running it again makes what is missing and changes nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
  cat <<'TEXT'
Usage: compose/prepare.sh [--engine PROGRAM] [--into FOLDER]

  --engine PROGRAM  makes the logins in a container: docker compose (default where there is no node_modules), podman-compose
  --into FOLDER     where the logins are kept (default .kandle/compose), a folder for each
  --no-env          do not write where they are into .env
TEXT
}

engine='' folder=.kandle/compose env=yes
while (($# > 0)); do
  case $1 in
    --engine) engine=${2:?--engine wants a value} && shift ;;
    --into) folder=${2:?--into wants a value} && shift ;;
    --no-env) env='' ;;
    --help | -h) usage && exit 0 ;;
    *) echo "prepare.sh: there is no option $1; --help lists them" >&2 && exit 1 ;;
  esac
  shift
done
[[ -n $engine || -d node_modules ]] || engine='docker compose'

mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
# Whoever is let in here reads every login; a container sees its own, whoever it runs as.
[[ $folder != "$PWD"/.kandle/* ]] || chmod 700 .kandle
for name in grafana-admin postgres; do
  [[ -s $folder/$name/password ]] && continue
  mkdir -p "$folder/$name"
  head -c 24 /dev/urandom | base64 | tr -d '\n=' | tr '+/' '-_' >"$folder/$name/password"
  chmod 644 "$folder/$name/password"
  echo "made $name/password"
done
if [[ -n $env ]]; then
  touch .env
  grep -q '^KANDLE_SECRETS=' .env || printf 'KANDLE_SECRETS=%s\n' "$folder" >>.env
fi
if [[ -z $engine ]]; then
  npm run --silent rights -- --secrets "$folder"
else
  export KANDLE_SECRETS=$folder
  # shellcheck disable=SC2086
  $engine build dispatcher
  # shellcheck disable=SC2086
  $engine run --rm --no-deps --user "$(id -u):$(id -g)" --volume "$folder:/new" dispatcher \
    node security/src/main.ts --secrets /new
fi
# A port of one's own stands in .env.
port=$(sed -n 's/^QUERY_PORT=//p' .env 2>/dev/null || true)
cat <<TEXT
Ready: docker compose up --wait
Then:  http://127.0.0.1:${port:-8089}/ is the console, docker compose logs --follow what the parts say.
TEXT
