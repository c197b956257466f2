# Kafka's start in compose.yaml: the administrator's login from its file to where Kafka reads it, then the image's own start.
set -euo pipefail
umask 077
name=$(</secrets/kafka/user) password=$(</secrets/kafka/password)
modules=org.apache.kafka.common.security
# PLAIN knows this one user, which is also how the broker logs in to itself; SCRAM users are in Kafka.
cat >/tmp/jaas.conf <<TEXT
KafkaServer {
  $modules.plain.PlainLoginModule required username="$name" password="$password" user_$name="$password";
  $modules.scram.ScramLoginModule required;
};
TEXT
# For kafka-health.sh.
cat >/tmp/admin.properties <<TEXT
security.protocol=SASL_PLAINTEXT
sasl.mechanism=PLAIN
sasl.jaas.config=$modules.plain.PlainLoginModule required username="$name" password="$password";
TEXT
export KAFKA_OPTS="-Djava.security.auth.login.config=/tmp/jaas.conf"
exec /etc/kafka/docker/run
