import type { InfluxServer } from './influx-server.ts';
import { type SinkContents, type SinkRow, sortRows, versionName } from './sink-events.ts';

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
  const versionsOf = (name: string): readonly SinkRow[] =>
    of(name)
      .toSorted((a, b) => (a.timeNs < b.timeNs ? -1 : 1))
      .map(({ timeMs, columns: { feed: _, names: __, ...row } }) => ({
        ...row,
        start: Math.floor(timeMs / WINDOW_MS) * WINDOW_MS,
      }));
  const newestOf = (rows: readonly SinkRow[]): readonly SinkRow[] =>
    sortRows([...new Map(rows.map((row) => [`${row['symbol']}|${row['start']}`, row])).values()]);
  const candles = versionsOf('candles');
  const indicators = versionsOf('indicators');
  return {
    trades: sortRows(
      of('trades').map(({ timeMs, columns: { feed: _, ...row } }) => ({ ...row, time: timeMs })),
    ),
    candles: newestOf(candles),
    indicators: newestOf(indicators),
    versions: [
      ...candles.map((row) => versionName('candles', row)),
      ...indicators.map((row) => versionName('indicators', row)),
    ].toSorted(),
    newest: null,
  };
}

/** What an InfluxDB 1.x has of a feed. */
export async function readInflux(server: InfluxServer, feed: string): Promise<SinkContents> {
  const points: ReadPoint[] = [];
  for (const measurement of ['trades', 'candles', 'indicators']) {
    const rows = await server.query(`SELECT * FROM ${measurement} WHERE feed = '${feed}'`);
    for (const { time, ...columns } of rows)
      points.push({ measurement, ...readTime(String(time)), columns: present(columns) });
  }
  return contentsOf(points);
}

/** InfluxDB answers null for a column that another point of the measurement has, and this one has not. */
function present(columns: Readonly<Record<string, string | number | boolean | null>>): SinkRow {
  return Object.fromEntries(
    Object.entries(columns).flatMap(([name, value]) => (value === null ? [] : [[name, value] as const])),
  );
}

/** `2025-11-24T16:00:00.001010003Z`; without zeros at the end. */
function readTime(text: string): { readonly timeMs: number; readonly timeNs: bigint } {
  const [, seconds = '', fraction = ''] = /^([^.Z]+)(?:\.(\d+))?Z$/.exec(text) ?? [];
  const timeNs = BigInt(Date.parse(`${seconds}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, '0') || '0');
  return { timeNs, timeMs: Number(timeNs / 1_000_000n) };
}
