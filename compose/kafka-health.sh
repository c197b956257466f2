# Healthy is a Kafka in which the administrator logs in and finds the first topic of the flow.
set -euo pipefail
# What needs no Java is asked first, every few seconds; the rest once a minute, as long as it is well.
[[ -d ${KAFKA_LOG_DIRS:?}/market.raw.v1-0 ]]
: 2>/dev/null >/dev/tcp/127.0.0.1/9092
# Said by whom it was well: the file is still there when the container is started again.
started=$(cut -d ' ' -f 22 /proc/1/stat)
if [[ $(cat /tmp/healthy 2>/dev/null) == "$started" ]] &&
  (( $(date +%s) - $(stat -c %Y /tmp/healthy) < 60 )); then exit 0; fi
# Not those of the broker: a second Java of its size has no room in the container.
export KAFKA_OPTS='' KAFKA_HEAP_OPTS='-Xmx48m' KAFKA_JVM_PERFORMANCE_OPTS='-XX:+UseSerialGC -XX:TieredStopAtLevel=1'
/opt/kafka/bin/kafka-topics.sh --bootstrap-server 127.0.0.1:9092 --command-config /tmp/admin.properties \
  --describe --topic market.raw.v1 >/dev/null
echo "$started" >/tmp/healthy
