import type { Difference } from './differences.ts';
import type { ShadowReport } from './run-shadow.ts';

/** The report of a shadow as text, with so many differences one by one. */
export function showShadow(report: ShadowReport, show: number): string {
  const { differences, more, same, doubts, fromMs, toMs, keyspace, batches, playedMs } = report;
  const count = (kind: Difference['kind']): number => differences.filter((one) => one.kind === kind).length;
  const causes = new Map<string, number>();
  for (const { cause } of differences) causes.set(cause, (causes.get(cause) ?? 0) + 1);
  return [
    `Shadow ${keyspace}: windows of ${timeOf(fromMs)} to ${timeOf(toMs)}, ${batches} batches played in ${(playedMs / 1_000).toFixed(1)} s`,
    `${same} windows are the same; ${count('added')} added, ${count('removed')} removed, ${count('changed')} changed${more > 0 ? `, and ${more} more` : ''}`,
    ...[...causes].map(([cause, times]) => `  ${times} × ${cause}`),
    ...differences.slice(0, show).map(describe),
    ...(differences.length > show ? [`  … and ${differences.length - show} more (--show, --json)`] : []),
    ...doubts.map((doubt) => `Not to be promoted: ${doubt}`),
  ].join('\n');
}

function describe({ kind, feed, symbol, startMs, fields }: Difference): string {
  const what = Object.entries(fields)
    .map(([name, [there, here]]) => `${name} ${there === '' ? '–' : there} → ${here === '' ? '–' : here}`)
    .join(', ');
  return `  ${kind} ${feed} ${symbol} ${timeOf(startMs)}: ${what}`;
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
