import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { NO_CHROMIUM } from '@kandle/console/chromium';
import { freePort } from '@kandle/servers/ports/ports';
import type { Pipeline } from '@kandle/stand-in/pipeline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  computeCandles,
  hasRecording,
  NO_RECORDING,
  readExpectedWindows,
  readExportedCandles,
  readFrames,
  RECORDING,
  writeRecording,
} from './recording.ts';
import { expectSameCandles } from './same-candles.ts';
import { type ReplayResult, runReplay } from './run-replay.ts';
import { barsOf, type Drawn, watchConsole } from './watch-console.ts';

const TRADES = 34_419;
const WINDOWS = 262;
function lineCount(csv: string): number {
  return csv.trim().split('\n').length - 1;
}

describe.skipIf(!hasRecording)(`the recorded trades${hasRecording ? '' : ` (${NO_RECORDING})`}`, () => {
  let plain: ReplayResult;
  let drawn: Drawn | null = null;

  beforeAll(async () => {
    if (NO_CHROMIUM !== null) {
      plain = await runReplay(RECORDING);
      return;
    }
    const queryPort = await freePort();
    const url = `http://127.0.0.1:${queryPort}/`;
    const console = await watchConsole(url, 'finnhub', barsOf(readExpectedWindows()));
    plain = await runReplay(RECORDING, {
      queryPort,
      during: () => console.open(),
      async after() {
        drawn = await console.end();
      },
    });
  });

  test('the pipeline ends with the expected windows, when the recording is played', () => {
    expect(lineCount(plain.trades)).toBe(TRADES);
    const candles = readExportedCandles(plain.candles);
    expect(candles).toHaveLength(WINDOWS);
    expectSameCandles(candles, readExpectedWindows());
    expect(plain.deadLetters).toBe(0);
  });

  test.skipIf(NO_CHROMIUM !== null)(
    `the console's charts hold the expected candles, when they were opened while it is played and when they are loaded anew${NO_CHROMIUM ?? ''}`,
    () => {
      const expected = barsOf(readExpectedWindows());
      expect(drawn?.atTheEnd).toEqual(expected);
      expect(drawn?.readAgain).toEqual(expected);
      expect(drawn?.errors).toEqual([]);
    },
  );

  test('the pipeline ends with the same bytes, when every event is delivered twice', async () => {
    const again = await runReplay(RECORDING, { deliveries: 2 });
    expect(again.candles).toBe(plain.candles);
    expect(again.trades).toBe(plain.trades);
  });

  test.each(['transform', 'aggregate', 'persist'])(
    'the pipeline ends with the same bytes, when %s is killed in the middle',
    async (name) => {
      let killed = 0;
      const again = await runReplay(RECORDING, {
        during: async (pipeline) => {
          for (const fraction of [0.2, 0.5]) {
            await untilTransformed(pipeline, fraction);
            pipeline.services.get(name)?.kill();
            killed += 1;
          }
        },
      });
      expect(killed).toBe(2);
      expect(again.candles).toBe(plain.candles);
      expect(again.trades).toBe(plain.trades);
      expect(again.deadLetters).toBe(0);
    },
  );
});

/** Waits until transform has been given a part of the recording's batches. */
async function untilTransformed(pipeline: Pipeline, fraction: number): Promise<void> {
  for (;;) {
    const status = await pipeline.ingestStatus();
    if ((status?.records ?? 0) >= TRADES * fraction) return;
    await sleep(5);
  }
}

describe.skipIf(!hasRecording)(
  `the recorded trades with frames missing${hasRecording ? '' : ` (${NO_RECORDING})`}`,
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'kandle-recording-'));
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    test('the pipeline agrees with a naive computation, when 1,000 frames are removed', async () => {
      const frames = [...readFrames()];
      for (let removed = 0, state = 42; removed < 1_000; removed++) {
        // A linear congruential generator: seeded, and plain enough to see that it is no part of the code under
        // test.
        state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
        frames.splice(state % frames.length, 1);
      }
      const file = join(folder, 'missing.jsonl.gz');
      writeRecording(file, frames);
      const { candles } = await runReplay(file);
      expectSameCandles(readExportedCandles(candles), computeCandles(frames));
    });
  },
);
