import type { AuditReport } from '../src/report/report.ts';
import { BEGIN_MS } from './small-market.ts';

/** The differences of a report, one line each: `subject | kind | number of the window | symbol | what`. */
export function linesOf(report: AuditReport): readonly string[] {
  return report.findings.map(({ subject, kind, windowStartMs, symbol, what }) =>
    [
      subject,
      kind,
      windowStartMs === null ? '-' : (windowStartMs - BEGIN_MS) / 5_000,
      symbol ?? '-',
      what,
    ].join(' | '),
  );
}
