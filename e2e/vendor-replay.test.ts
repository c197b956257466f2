import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync, gzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { hasRecording, NO_RECORDING, RECORDING } from './recording.ts';
import { runReplay } from './run-replay.ts';

/** The first minutes of the recording: all of it is in `functions/ingest/src/yahoo-recording.test.ts`. */
const LOOKS = 1_000;
/** Of these, by a plain program in another language, from the recording's table. */
const WINDOWS = 350;
const VOLUME = 2_586_527;

test.skipIf(!hasRecording)(
  `minutes of Yahoo's recording end in the windows computed elsewhere and a clean audit, with ingest killed in the middle${hasRecording ? '' : ` (${NO_RECORDING})`}`,
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'kandle-yahoo-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const data = join(RECORDING, '..');
    const frames = gunzipSync(readFileSync(join(data, 'yahoo_frames_dev.jsonl.gz')))
      .toString()
      .trim()
      .split('\n');
    const table = gunzipSync(readFileSync(join(data, 'yahoo_nasdaq_dev.csv.gz')))
      .toString()
      .trim()
      .split('\n');
    const lines = frames
      .slice(0, LOOKS)
      .map((frame, n) => `{"recv_ms":${table[n + 1]?.split(',')[3]},"frame":${frame}}`);
    const file = join(folder, 'yahoo.jsonl.gz');
    writeFileSync(file, gzipSync(`${['{"recording":{"vendor":"yahoo"}}', ...lines].join('\n')}\n`));
    let killed = 0;
    const { candles, deadLetters, rejects } = await runReplay(file, {
      isSampled: true,
      during: async (pipeline) => {
        while (((await pipeline.ingestStatus())?.records ?? 0) < LOOKS / 3) await sleep(5);
        pipeline.ingest?.kill();
        killed += 1;
      },
    });
    expect([killed, deadLetters, rejects]).toEqual([1, 0, []]);
    const [header = [], ...rows] = candles
      .trim()
      .split('\n')
      .map((line) => line.split(','));
    const sum = (name: string): number =>
      rows.reduce((total, row) => total + Number(row[header.indexOf(name)]), 0);
    expect([rows.length, sum('count'), sum('volume')]).toEqual([WINDOWS, LOOKS, VOLUME]);
  },
);
