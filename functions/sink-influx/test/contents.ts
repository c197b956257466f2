import { type SinkContents, type SinkRow, sortRows } from '@kandle/testkit/sink/sink-events';

const WINDOW_MS = 5_000;

/** A point as a reader has it: its tags and fields, and its time in milliseconds and nanoseconds. */
export interface ReadPoint {
  readonly measurement: string;
  readonly timeMs: number;
  readonly timeNs: bigint;
  readonly columns: SinkRow;
}

/** What points say: every trade, and of each window and symbol the last version. */
export function contentsOf(points: readonly ReadPoint[]): SinkContents {
  const of = (name: string): readonly ReadPoint[] => points.filter(({ measurement }) => measurement === name);
  const newest = (name: string, absent: SinkRow): readonly SinkRow[] => {
    const byTime = of(name).toSorted((a, b) => (a.timeNs < b.timeNs ? -1 : 1));
    const rows = byTime.map(({ timeMs, columns }): SinkRow => {
      const start = Math.floor(timeMs / WINDOW_MS) * WINDOW_MS;
      const { feed: _, names: __, ...row } = columns;
      return { ...absent, ...row, start };
    });
    return sortRows([...new Map(rows.map((row) => [`${row['symbol']}|${row['start']}`, row])).values()]);
  };
  return {
    trades: sortRows(
      of('trades').map(({ timeMs, columns: { feed: _, ...row } }) => ({ ...row, time: timeMs })),
    ),
    candles: newest('candles', { vwap: null }),
    indicators: newest('indicators', { rsi14: null }),
    newest: null,
  };
}
