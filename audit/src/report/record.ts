import { translateCassandraError } from '@kandle/runtime/cassandra';
import type { Client } from 'cassandra-driver';
import type { AuditReport } from './report.ts';

const INSERT =
  'INSERT INTO audits (scope, finished_at, verdict, differences, trades_checked, windows_checked, candles_checked, ' +
  'skipped, dead_letters, dead_letters_missed, started_at, since, until, details, refused) ' +
  'VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)';

/** Leaves an audit's outcome in the table `audits`, for the exporter. @throws {RetryableError} If it cannot. */
export async function recordAudit(client: Client, report: AuditReport): Promise<void> {
  const { subjects, deadLetters, sinceMs, untilMs, refused } = report;
  let skipped = 0;
  for (const counts of subjects.values()) for (const count of Object.values(counts.skipped)) skipped += count;
  const params = [
    report.feed ?? 'all',
    new Date(report.finishedAtMs),
    report.verdict,
    BigInt(report.differences),
    BigInt(subjects.get('trades')?.checked ?? 0),
    BigInt(subjects.get('windows')?.checked ?? 0),
    BigInt(subjects.get('candles_5s')?.checked ?? 0),
    BigInt(skipped),
    BigInt(deadLetters.length),
    BigInt(deadLetters.filter(({ isMissed }) => isMissed).length),
    new Date(report.startedAtMs),
    sinceMs === null ? null : new Date(sinceMs),
    untilMs === null ? null : new Date(untilMs),
    JSON.stringify(Object.fromEntries(subjects)),
    BigInt(refused.tooLate + refused.tooFarAhead),
  ];
  try {
    await client.execute(INSERT, params, { prepare: true, isIdempotent: true });
  } catch (error) {
    throw translateCassandraError(error, 'record the audit');
  }
}
