import { defineCommand, duration, flag, option, time } from '@kandle/tooling/command';

/** What `npm run restore` can be asked for. */
export const COMMAND = defineCommand({
  name: 'npm run restore',
  about: `Makes a lost or emptied Cassandra again from the log: sets the consumer groups of transform and of persist's trades back, so
that market.raw.v1 is read once more and everything after it follows; then audits until the audit is clean; then sets the group of notify to
the end, so that nobody is told of old signals again. Windows count each batch once: nothing counts twice.

Kafka moves a group only while nobody is in it. Stop the event sources of transform, persist and notify first, start them
again when it says so. On a cluster knative/deploy.sh --restore does all of this.`,
  options: {
    since: option(
      'TIME',
      'read what was written since then; else from the beginning of what Kafka holds',
      time,
    ),
    begin: flag('only set transform and persist back'),
    end: flag('only audit until it is clean, then set notify to the end'),
    wait: option('DURATION', 'how long the event sources may take to leave their groups', duration(0), '60s'),
    within: option('DURATION', 'how long it may take until the audit is clean', duration(), '6h'),
    'dry-run': flag('say what would be read again, change nothing'),
    yes: flag('do not ask before anything is changed'),
  },
  notes: `TIME is ISO (2026-11-25T08:00Z), epoch milliseconds, or how long ago: 90s, 30m, 26h, 7d.

Exit code: 0 done and clean, 1 the audit was not clean within the time, 2 it could not be done.

Connections: KAFKA_BROKERS, CASSANDRA_CONTACT_POINTS, CASSANDRA_PORT, CASSANDRA_KEYSPACE and the other variables of the
functions. Where none of them is set, a running "npm start" is found by itself.`,
});
