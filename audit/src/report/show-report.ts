import type { RepairSummary } from '../repair/summary.ts';
import type { Finding, SubjectCounts } from '../values/tally.ts';
import type { AuditReport } from './report.ts';

/**
 * The report as people read it: what was read, a table of what was compared, the first differences, the
 * verdict.
 */
export function showReport(report: AuditReport, show: number): string {
  const { read } = report;
  const seconds = ((report.finishedAtMs - report.startedAtMs) / 1_000).toFixed(1);
  const notCounted = Object.entries(read.notCounted).map(([reason, count]) => `${number(count)} ${reason}`);
  return [
    `Read ${number(read.events)} events of ${read.shards} shards: ${number(read.batches)} batches` +
      `${read.repeatedBatches > 0 ? ` (and ${number(read.repeatedBatches)} repeated)` : ''}, ` +
      `${number(read.trades)} trades${read.backfilledTrades > 0 ? ` (${number(read.backfilledTrades)} of backfills)` : ''}, ${read.gaps} gaps${notCounted.length > 0 ? `; not counted: ${notCounted.join(', ')}` : ''}` +
      `${read.unreadable > 0 ? `; unreadable: ${number(read.unreadable)}` : ''}.`,
    '',
    ...table(report),
    ...deadLetters(report),
    ...(report.findings.length === 0 || show === 0 ? [] : ['', ...details(report, show)]),
    ...repaired(report),
    '',
    ...conclusion(report, seconds),
  ].join('\n');
}

/** What was refused stands beside the verdict: no comparison can miss it. */
function conclusion(report: AuditReport, seconds: string): readonly string[] {
  const { refused } = report;
  const reasons = Object.entries(refused.byReason).map(([reason, count]) => `${number(count)} ${reason}`);
  const timed = refused.tooLate + refused.tooFarAhead;
  const share =
    timed === 0
      ? ''
      : `; for their time alone ${number(refused.tooLate)} too_late by the log and ${number(refused.tooFarAhead)} too_far_ahead` +
        `${refused.redriven > 0 ? `, of which ${number(refused.redriven)} were sent again` : ''}: ` +
        `${number(refused.ppm)} of a million (bound ${number(refused.maxPpm)})`;
  const lines = reasons.length + timed === 0 ? [] : [`Refused: ${reasons.join(', ') || 'nothing'}${share}.`];
  return [...lines, `${sentenceOf(report)} (${seconds} s).`];
}

function sentenceOf(report: AuditReport): string {
  const { verdict, differences } = report;
  if (verdict === 'clean') return 'Clean: nothing differs';
  if (verdict === 'different')
    return `${number(differences)} ${differences === 1 ? 'difference' : 'differences'}`;
  if (verdict === 'nothing checked') return `Nothing was checked: ${whyNothing(report)}. That says nothing`;
  return (
    'Nothing differs, but too much was refused for its time alone; ' +
    'npm run redrive -- --rejects --reason too_far_ahead lists it'
  );
}

function whyNothing({ read, subjects }: AuditReport): string {
  if (read.batches === 0) return 'the log has no trades';
  const skips = [...subjects].filter(([, counts]) => Object.keys(counts.skipped).length > 0);
  return skips.length === 0
    ? 'no trade of the log lies within --since and --until'
    : skips.map(([subject, counts]) => `${subject} ${skipped(counts)}`).join('; ');
}

const SHOWN_LETTERS = 5;
const HEADER = ['compared with', 'checked', 'missing', 'extra', 'different', 'skipped'];

function table({ subjects }: AuditReport): readonly string[] {
  const rows = [...subjects].map(([subject, counts]) => [
    subject,
    number(counts.checked),
    number(counts.missing),
    number(counts.extra),
    number(counts.different),
    skipped(counts),
  ]);
  const widths = HEADER.map((title, n) =>
    Math.max(title.length, ...rows.map((row) => (row[n] ?? '').length)),
  );
  return [HEADER, ...rows].map((row) =>
    row
      .map((cell, n) =>
        n === 0 || n === row.length - 1 ? cell.padEnd(widths[n] ?? 0) : cell.padStart(widths[n] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
}

function skipped(counts: SubjectCounts): string {
  const reasons = Object.entries(counts.skipped).filter(([, count]) => count > 0);
  return reasons.length === 0
    ? '0'
    : reasons.map(([reason, count]) => `${number(count)} ${reason}`).join(', ');
}

/** Dead letters are work to be done, not differences: `redrive` sends them again. */
function deadLetters({ deadLetters: all }: AuditReport): readonly string[] {
  if (all.length === 0) return [];
  const missed = all.filter(({ isMissed }) => isMissed);
  return [
    '',
    `Dead letters: ${number(all.length)}, of which ${number(missed.length)} not redriven${missed.length > 0 ? ':' : '.'}`,
    ...missed
      .slice(0, SHOWN_LETTERS)
      .map(({ destination, id, reason }) => `  ${destination} did not take ${id}: ${reason}`),
    ...(missed.length > SHOWN_LETTERS ? [`  … and ${number(missed.length - SHOWN_LETTERS)} more`] : []),
  ];
}

function repaired({ repair }: AuditReport): readonly string[] {
  return repair === null ? [] : ['', ...showRepair(repair)];
}

const SHOWN_LEFT = 10;

/** What a repair, or its undoing, has done, or would do. */
export function showRepair(summary: RepairSummary): readonly string[] {
  const {
    isDryRun,
    name,
    windows,
    candleEvents,
    candleRows,
    tradeRows,
    gapRows,
    rollupRows,
    writtenOver,
    left,
  } = summary;
  return [
    `${isDryRun ? 'Nothing was written. It would write' : 'Written'}: ${number(windows)} windows, ${number(candleEvents)} candle events, ` +
      `${number(candleRows)} rows of candles_5s, ${number(tradeRows)} of trades, ${number(gapRows)} of feed_gaps, ${number(rollupRows)} longer candles.`,
    ...(writtenOver === 0
      ? []
      : [
          `${number(writtenOver)} of the rows had been written or deleted by hand, later than their own time: they were written over, ` +
            'and a later revision of them will be hidden until the next repair.',
        ]),
    ...left.slice(0, SHOWN_LEFT).map((line) => `Left alone: ${line}`),
    ...(left.length > SHOWN_LEFT ? [`… and ${number(left.length - SHOWN_LEFT)} more left alone`] : []),
    ...(name === null ? [] : [`To bring back what was there before: npm run audit -- --undo ${name}`]),
  ];
}

function details({ findings }: AuditReport, show: number): readonly string[] {
  const shown = findings.slice(0, show);
  const rest = findings.length - shown.length;
  return [
    ...shown.flatMap(detail),
    ...(rest > 0 ? [`… and ${number(rest)} more (--show N, --json FILE)`] : []),
  ];
}

function detail(finding: Finding): readonly string[] {
  const place = [
    finding.shard,
    finding.windowStartMs === null ? null : new Date(finding.windowStartMs).toISOString(),
    finding.symbol,
  ].filter((part) => part !== null);
  return [
    `${finding.subject}: ${finding.kind}: ${finding.what}${place.length > 0 ? ` [${place.join(' ')}]` : ''}`,
    `  expected ${finding.expected}`,
    `  found    ${finding.found}`,
  ];
}

function number(value: number): string {
  return value.toLocaleString('en');
}
