import type { Finding, SubjectCounts } from '../values/tally.ts';
import type { AuditReport } from './report.ts';

/** The report as people read it: what was read, a table of what was compared, the first differences, the verdict. */
export function showReport(report: AuditReport, show: number): string {
  const { read, differences } = report;
  const seconds = ((report.finishedAtMs - report.startedAtMs) / 1_000).toFixed(1);
  const notCounted = Object.entries(read.notCounted).map(([reason, count]) => `${number(count)} ${reason}`);
  return [
    `Read ${number(read.events)} events of ${read.shards} shards: ${number(read.batches)} batches` +
      `${read.repeatedBatches > 0 ? ` (and ${number(read.repeatedBatches)} repeated)` : ''}, ` +
      `${number(read.trades)} trades, ${read.gaps} gaps${notCounted.length > 0 ? `; not counted: ${notCounted.join(', ')}` : ''}` +
      `${read.unreadable > 0 ? `; unreadable: ${number(read.unreadable)}` : ''}.`,
    '',
    ...table(report),
    ...deadLetters(report),
    ...(report.findings.length === 0 || show === 0 ? [] : ['', ...details(report, show)]),
    ...repaired(report),
    '',
    differences === 0
      ? `Clean: nothing differs (${seconds} s).`
      : `${number(differences)} ${differences === 1 ? 'difference' : 'differences'} (${seconds} s).`,
  ].join('\n');
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
  if (repair === null) return [];
  const { isDryRun, windows, candleEvents, candleRows, tradeRows, gapRows, rollupRows, writtenOver, left } =
    repair;
  return [
    '',
    `${isDryRun ? 'A repair would write' : 'Repaired'}: ${number(windows)} windows, ${number(candleEvents)} candle events, ` +
      `${number(candleRows)} rows of candles_5s, ${number(tradeRows)} of trades, ${number(gapRows)} of feed_gaps, ${number(rollupRows)} longer candles.`,
    ...(writtenOver === 0
      ? []
      : [
          `${number(writtenOver)} of the rows had been written or deleted by hand, later than their own time: they were written over, ` +
            'and a later revision of them will be hidden until the next repair.',
        ]),
    ...left.map((line) => `Not repaired: ${line}`),
  ];
}

function details({ findings, differences }: AuditReport, show: number): readonly string[] {
  const shown = findings.slice(0, show);
  const rest = differences - shown.length;
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
