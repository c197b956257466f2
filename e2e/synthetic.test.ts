import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { computeCandles, readExportedCandles, writeRecording } from './recording.ts';
import { runReplay } from './run-replay.ts';

const folder = mkdtempSync(join(tmpdir(), 'kandle-synthetic-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/**
 * Made-up frames for machines without the recorded data: five symbols, frames of mixed symbols, twins, ties
 * within a millisecond, times that go back by up to 0.9 s, a frame of 700 trades, empty seconds.
 */
function makeFrames(count: number): readonly string[] {
  let state = 7;
  const below = (limit: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state % limit;
  };
  const symbols = ['BINANCE:BTCUSDT', 'AAPL', 'IC MARKETS:1', '^GSPC', 'EUR/USD'];
  let timeMs = 1_700_000_000_000;
  return Array.from({ length: count }, (_, n) => {
    timeMs += below(20) === 0 ? 7_000 : below(60);
    const size = n === 100 ? 700 : 1 + below(6);
    const data = Array.from({ length: size }, () => ({
      s: symbols[below(symbols.length)],
      p: (10_000 + below(50)) / 100,
      t: timeMs - (below(4) === 0 ? below(900) : 0),
      v: (1 + below(3)) / 10,
      c: null,
    }));
    // A whole frame of twins now and then.
    return JSON.stringify({
      recv_ms: timeMs,
      frame: { type: 'trade', data: below(10) === 0 ? [...data, ...data] : data },
    });
  });
}

test('the pipeline agrees with a naive computation, when made-up trades tie, repeat and come out of order', async () => {
  const frames = makeFrames(1_500);
  const file = join(folder, 'synthetic.jsonl.gz');
  writeRecording(file, frames);
  const { candles } = await runReplay(file);
  const byKey = (a: { symbol: string; startMs: number }, b: { symbol: string; startMs: number }) =>
    a.symbol === b.symbol ? a.startMs - b.startMs : a.symbol < b.symbol ? -1 : 1;
  // Compared without the quotients' last bits.
  const exact = (list: ReturnType<typeof computeCandles>) =>
    list
      .toSorted(byKey)
      .map(({ vwap, mean, ...rest }) => ({ ...rest, vwap: vwap.toFixed(6), mean: mean.toFixed(6) }));
  expect(exact(readExportedCandles(candles))).toEqual(exact(computeCandles(frames)));
});
