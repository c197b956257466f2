# The set-up of compose.yaml's Kafka (users, rights, topics) or Cassandra (administrator, roles), in the image of the
# tools. The server may still be starting: it is tried again, and not for ever.
set -eu

again() {
  tries=60
  until "$@"; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || exit 1
    sleep 2
  done
}

case $1 in
  kafka)
    again node security/src/main.ts --secrets /logins --kafka
    again node stand-in/src/make-topics.ts
    ;;
  cassandra) again node security/src/main.ts --secrets /logins --cassandra --first-admin ;;
  *) exit 2 ;;
esac
