# Healthy is a Cassandra in which the administrator logs in and reads.
set -euo pipefail
umask 077
# What needs no Python is asked first.
: 2>/dev/null >/dev/tcp/127.0.0.1/9042
# A file, for an argument could be read by others.
printf '[PlainTextAuthProvider]\nusername = %s\npassword = %s\n' \
  "$(</secrets/cassandra/username)" "$(</secrets/cassandra/password)" >/tmp/cqlsh-login
exec cqlsh --credentials /tmp/cqlsh-login -e 'SELECT key FROM system.local' 127.0.0.1 9042 >/dev/null
