# Healthy is a Kafka in which the administrator logs in and finds the first topic of the flow.
set -euo pipefail
# What needs no Java is asked first.
[[ -d ${KAFKA_LOG_DIRS:?}/market.raw.v1-0 ]]
# Not those of the broker: a second Java of its size has no room in the container.
export KAFKA_OPTS='' KAFKA_HEAP_OPTS='-Xmx48m' KAFKA_JVM_PERFORMANCE_OPTS='-XX:+UseSerialGC -XX:TieredStopAtLevel=1'
exec /opt/kafka/bin/kafka-topics.sh --bootstrap-server 127.0.0.1:9092 --command-config /tmp/admin.properties \
  --describe --topic market.raw.v1 >/dev/null
