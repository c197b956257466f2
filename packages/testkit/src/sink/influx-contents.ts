import type { InfluxServer } from './influx-server.ts';
import { type SinkContents, type SinkRow, sortRows } from './sink-events.ts';

const WINDOW_MS = 5_000;

/** A point as a reader has it: its tags and fields, and its time in milliseconds and nanoseconds. */
interface ReadPoint {
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

/** What an InfluxDB 1.x has of a feed. */
export async function readInflux(server: InfluxServer, feed: string): Promise<SinkContents> {
  const points: ReadPoint[] = [];
  for (const measurement of ['trades', 'candles', 'indicators']) {
    const rows = await server.query(`SELECT * FROM ${measurement} WHERE feed = '${feed}'`);
    for (const { time, ...columns } of rows) points.push({ measurement, ...readTime(String(time)), columns });
  }
  return contentsOf(points);
}

/** `2025-11-24T16:00:00.001010003Z`; without zeros at the end. */
function readTime(text: string): { readonly timeMs: number; readonly timeNs: bigint } {
  const [, seconds = '', fraction = ''] = /^([^.Z]+)(?:\.(\d+))?Z$/.exec(text) ?? [];
  const timeNs = BigInt(Date.parse(`${seconds}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, '0') || '0');
  return { timeNs, timeMs: Number(timeNs / 1_000_000n) };
}
