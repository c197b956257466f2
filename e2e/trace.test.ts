import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { EVENT_TYPES } from '@kandle/market/event/topics';
import { writeRecording } from './recording.ts';
import { runReplay } from './run-replay.ts';

const folder = mkdtempSync(join(tmpdir(), 'kandle-trace-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const T0 = 1_700_000_000_000;

interface Done {
  readonly msg: string;
  readonly type: string;
  readonly trace_id?: string;
}

/** The traces of the events of a type that a function was done with, in the order of its log. */
function tracesOf(log: string | undefined, type: string): readonly (string | undefined)[] {
  const lines = (log ?? '').split('\n').filter((line) => line.startsWith('{'));
  return lines
    .map((line) => JSON.parse(line) as Done)
    .filter((line) => line.msg === 'done' && line.type === type)
    .map((line) => line.trace_id);
}

test('one trace leads from a batch of the feed to the rows of its trades and candles', async () => {
  const lines = Array.from({ length: 10 }, (_, second) =>
    JSON.stringify({
      recv_ms: T0 + second * 1_000,
      frame: { type: 'trade', data: [{ s: 'AAPL', p: 1, t: T0 + second * 1_000, v: 2, c: null }] },
    }),
  );
  const file = join(folder, 'few.jsonl.gz');
  writeRecording(file, lines);
  const { logs } = await runReplay(file, { logLevel: 'debug' });
  const fromFeed = new Set(tracesOf(logs['transform'], EVENT_TYPES.rawTrades));
  expect(fromFeed.size).toBeGreaterThan(0);
  for (const trace of fromFeed) expect(trace).toMatch(/^[0-9a-f]{32}$/);
  expect(new Set(tracesOf(logs['aggregate'], EVENT_TYPES.trades))).toEqual(fromFeed);
  expect(new Set(tracesOf(logs['persist'], EVENT_TYPES.rawTrades))).toEqual(fromFeed);
  const candles = tracesOf(logs['persist'], EVENT_TYPES.candles);
  expect(candles.length).toBeGreaterThan(0);
  expect(fromFeed).toEqual(fromFeed.union(new Set(candles)));
});
