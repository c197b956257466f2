import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { computeCandles, readExportedCandles, writeRecording } from './recording.ts';
import { runReplay } from './run-replay.ts';
import { expectSameCandles } from './same-candles.ts';

const folder = mkdtempSync(join(tmpdir(), 'kandle-bad-records-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const T0 = 1_700_000_000_000;
const HOUR_MS = 3_600_000;

/**
 * A line of a recording whose frame is this text: a number such as 1e309 must not be parsed on the way.
 *
 * @param second When it came: a recorder's clock is what a time from the future is judged by.
 */
function line(frame: string, second: number): string {
  return `{"recv_ms":${T0 + second * 1_000},"frame":${frame}}`;
}

function good(second: number): string {
  const timeMs = T0 + second * 1_000;
  return `{"s":"AAPL","p":${100 + second},"t":${timeMs},"v":2,"c":null}`;
}

/** An entry that is not to be counted, and the reason it gets. */
const BAD: readonly (readonly [entry: string, reason: string])[] = [
  [`{"s":"AAPL","p":0,"t":${T0},"v":1}`, 'bad_price'],
  [`{"s":"AAPL","p":-5,"t":${T0},"v":1}`, 'bad_price'],
  [`{"s":"AAPL","p":1e309,"t":${T0},"v":1}`, 'bad_price'],
  [`{"s":"AAPL","p":"12","t":${T0},"v":1}`, 'bad_price'],
  [`{"s":"AAPL","p":10,"t":${T0},"v":-1}`, 'bad_size'],
  [`{"s":"AAPL","p":10,"t":${T0},"v":1e-12}`, 'too_many_decimals'],
  [`{"s":"AAPL","p":10,"t":1700000000,"v":1}`, 'bad_time'],
  [`{"s":"AAPL","p":10,"t":"now","v":1}`, 'bad_time'],
  [`{"s":"AAPL","p":10,"t":${T0 + HOUR_MS},"v":1}`, 'too_far_ahead'],
  [`{"s":"AAPL","p":10,"t":${T0 - HOUR_MS},"v":1}`, 'too_late'],
];

/** Whole frames that are none, sent as they are. */
const BAD_FRAMES: readonly (readonly [text: string, reason: string])[] = [
  ['this is no JSON', 'bad_frame'],
  ['[1,2,3]', 'bad_frame'],
  ['{"type":"weather","data":[]}', 'unknown_frame_type'],
  [`{"type":"trade","data":[{"s":"no symbol\\u0007","p":1,"t":${T0},"v":1}]}`, 'bad_symbol'],
];

/**
 * Second at which the wrong records begin: a batch ends after five minutes of market time, and a later one
 * judges.
 */
const MIXED = 400;
/** Seconds of good records after all that is wrong. */
const LATER = [40, 60, 80, 100, 120].map((second) => MIXED + second);

test('the pipeline counts the good records and says why of every other, when a feed sends nonsense between them', async () => {
  const goodFrames = Array.from({ length: 12 }, (_, second) => `{"type":"trade","data":[${good(second)}]}`);
  const mixed = BAD.map(
    ([entry], n) => `{"type":"trade","data":[${good(MIXED + n)},${entry},${good(MIXED + n)}]}`,
  );
  const lines = [
    ...goodFrames.map(line),
    ...BAD_FRAMES.map(([text]) => line(JSON.stringify(text), 15)),
    // A price update of volume 0 counts for nothing where trades are, and is not refused.
    line(`{"type":"trade","data":[{"s":"AAPL","p":999,"t":${T0 + MIXED * 1_000},"v":0}]}`, MIXED),
    ...mixed.map((frame, n) => line(frame, MIXED + n)),
    // The record from the future is refused when the market has gone on for a minute without it.
    ...LATER.map((second) => line(`{"type":"trade","data":[${good(second)}]}`, second)),
  ];
  const file = join(folder, 'bad.jsonl.gz');
  writeRecording(file, lines);
  const { candles, rejects, deadLetters } = await runReplay(file);
  expect(rejects).toEqual([...BAD, ...BAD_FRAMES].map(([, reason]) => reason).toSorted());
  expect(deadLetters).toBe(0);
  const counted = [
    ...goodFrames,
    ...BAD.map((_, n) => `{"type":"trade","data":[${good(MIXED + n)},${good(MIXED + n)}]}`),
    ...LATER.map((second) => `{"type":"trade","data":[${good(second)}]}`),
  ];
  expectSameCandles(readExportedCandles(candles), computeCandles(counted.map((frame) => line(frame, 0))));
});
