import type { Client } from 'cassandra-driver';
import type { Collector, Sample } from './collector.ts';

/** Most scopes that are read: all feeds together, and one for each feed that was audited alone. */
const MAX_SCOPES = 20;
/** The newest row of each scope comes first. */
const NEWEST =
  'SELECT scope, finished_at, verdict, differences, windows_checked, skipped, dead_letters_missed, refused FROM audits ' +
  `PER PARTITION LIMIT 1 LIMIT ${MAX_SCOPES}`;

/** How the newest audit of each scope ended, and when: an audit that could not run leaves no row. */
export function createAuditsCollector(client: Client): Collector {
  return {
    name: 'audits',
    server: 'cassandra',
    gauges: {
      kandle_audit_finished_timestamp_seconds: { help: 'When the newest audit ended', labels: ['scope'] },
      kandle_audit_differences: {
        help: 'What the newest audit found missing, extra or different',
        labels: ['scope'],
      },
      kandle_audit_windows_checked: { help: 'Windows that the newest audit compared', labels: ['scope'] },
      kandle_audit_windows_skipped: {
        help: 'Windows that the newest audit left out: open still, or cut by retention',
        labels: ['scope'],
      },
      kandle_audit_dead_letters_missed: {
        help: 'Dead letters not redriven whose trades the newest audit found missing',
        labels: ['scope'],
      },
      kandle_audit_refused_records: {
        help: 'Records refused for their time alone that the newest audit counted',
        labels: ['scope'],
      },
      kandle_audit_verdict: {
        help: '1 for what the newest audit came to: clean, different, refused, nothing checked',
        labels: ['scope', 'verdict'],
      },
    },
    async collect() {
      const { rows } = await client.execute(NEWEST, [], { isIdempotent: true });
      return rows.flatMap((row): readonly Sample[] => {
        const labels = { scope: String(row['scope']) };
        const finishedAt: unknown = row['finished_at'];
        const finishedMs = finishedAt instanceof Date ? finishedAt.getTime() : 0;
        return [
          { gauge: 'kandle_audit_finished_timestamp_seconds', labels, value: finishedMs / 1_000 },
          { gauge: 'kandle_audit_differences', labels, value: Number(row['differences']) },
          { gauge: 'kandle_audit_windows_checked', labels, value: Number(row['windows_checked']) },
          { gauge: 'kandle_audit_windows_skipped', labels, value: Number(row['skipped']) },
          { gauge: 'kandle_audit_dead_letters_missed', labels, value: Number(row['dead_letters_missed']) },
          // A row of before this was counted has none.
          { gauge: 'kandle_audit_refused_records', labels, value: Number(row['refused'] ?? 0) },
          { gauge: 'kandle_audit_verdict', labels: { ...labels, verdict: String(row['verdict']) }, value: 1 },
        ];
      });
    },
  };
}
