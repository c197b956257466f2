import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { computeCandles, NO_RECORDING, readExportedCandles, writeRecording } from './recording.ts';
import { runReplay } from './run-replay.ts';
import { expectSameCandles } from './same-candles.ts';

const FILE = resolve(import.meta.dirname, '../../shared/data/cryptofeed_snapshots_upbit_dydx.csv.gz');
const hasFile = existsSync(FILE);

/** A recorded trade as the feed would send it, and when it came. */
interface Row {
  readonly recvMs: number;
  readonly trade: { readonly s: string; readonly p: number; readonly v: number; readonly t: number };
}

/** The recorded trades of a venue, in the order in which they came. */
function readRows(venue: string): readonly Row[] {
  const [, ...lines] = gunzipSync(readFileSync(FILE)).toString('utf8').trim().split('\n');
  return lines
    .map((line) => line.split(','))
    .filter(([symbol]) => symbol?.startsWith(`${venue}:`))
    .map(([s = '', p, v, t, , , recvMs]) => ({
      recvMs: Number(recvMs),
      trade: { s, p: Number(p), v: Number(v), t: Number(t) },
    }));
}

/** Frames of the trades that came in the same millisecond, as a recording has them. */
function framesOf(rows: readonly Row[]): readonly string[] {
  return [...Map.groupBy(rows, ({ recvMs }) => recvMs)].map(([recvMs, together]) =>
    JSON.stringify({
      recv_ms: recvMs,
      frame: { type: 'trade', data: together.map(({ trade }) => ({ ...trade, c: null })) },
    }),
  );
}

/** How many trades are older than one that came before them. */
function countDisordered(rows: readonly Row[]): number {
  const newest = new Map<string, number>();
  return rows.filter(({ trade: { s, t } }) => {
    const before = newest.get(s) ?? t;
    newest.set(s, Math.max(before, t));
    return t < before;
  }).length;
}

describe.skipIf(!hasFile)(
  `trades that were recorded out of order${hasFile ? '' : ` (${NO_RECORDING})`}`,
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'kandle-disordered-'));
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    test('the pipeline agrees with a naive computation, when Upbit sends trades up to a second out of order', async () => {
      const rows = readRows('UPBIT');
      expect([rows.length, countDisordered(rows)]).toEqual([304, 78]);
      const frames = framesOf(rows);
      const file = join(folder, 'upbit.jsonl.gz');
      writeRecording(file, frames);
      const { candles, trades, deadLetters, rejects } = await runReplay(file);
      expect(trades.trim().split('\n')).toHaveLength(1 + 304);
      expectSameCandles(readExportedCandles(candles), computeCandles(frames));
      expect([deadLetters, rejects]).toEqual([0, []]);
    });
  },
);
