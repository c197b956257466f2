#!/usr/bin/env bash
# Runs in the pod of knative/kafka-setup-k8s.sh: makes the topics of the file `topics` beside it, one a line
# ("name partitions key=value,…"), and sets what they keep. TOOLS is where Kafka's scripts are.
set -euo pipefail
tools=${TOOLS:-/opt/kafka/bin}
here=$(cd "$(dirname "$0")" && pwd)
options=(--bootstrap-server "$BOOTSTRAP")
if [[ -n ${LOGIN:-} ]]; then
  secret=/secrets/kafka
  user=$(<$secret/user) password=$(<$secret/password)
  # In a file, for an argument could be read by others. printf is bash's own: no process sees the password.
  umask 077
  {
    printf 'security.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\n'
    printf 'sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="%s" password="%s";\n' \
      "$user" "$password"
    # Without an authority of its own, Kafka's certificate is one that the world knows.
    [[ ! -s $secret/ca.crt ]] || printf 'ssl.truststore.type=PEM\nssl.truststore.location=%s\n' "$secret/ca.crt"
  } >/tmp/client.properties
  options+=(--command-config /tmp/client.properties)
fi

while read -r name partitions settings; do
  [[ -n $name ]] || continue
  "$tools/kafka-topics.sh" "${options[@]}" --create --if-not-exists --topic "$name" \
    --partitions "$partitions" --replication-factor "$REPLICATION" </dev/null
  "$tools/kafka-configs.sh" "${options[@]}" --alter --entity-type topics --entity-name "$name" \
    --add-config "$settings" </dev/null
  found=$("$tools/kafka-topics.sh" "${options[@]}" --describe --topic "$name" </dev/null)
  # The key decides the partition, and the partition the order: another number needs a decision, not a script.
  if [[ ! $found =~ PartitionCount:\ *${partitions}[^0-9] ]]; then
    echo "Cannot set up $name: it has another number of partitions than $partitions" >&2
    exit 1
  fi
  echo "$name: $partitions partitions, $settings"
done <"$here/topics"
