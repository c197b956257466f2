import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { parseRawBatch } from '@kandle/market/feed/raw-batch';
import { createSamples } from '@kandle/market/feed/sample/samples';
import { parseYahooFrame } from '@kandle/market/feed/yahoo/frame';
import { cleanBatch } from '@kandle/market/trade/clean-trades';
import type { Trade } from '@kandle/market/trade/trade';
import { expect, test } from 'vitest';
import { readConfig } from './config.ts';
import { createIntake, type Verdict } from './intake.ts';
import { createOutbox } from './lane/outbox.ts';
import { intakeOptions, shardOptions } from './settings.ts';
import { createShardMap } from './shard-map.ts';

const FRAMES = join(import.meta.dirname, '../../../../shared/data/yahoo_frames_dev.jsonl.gz');
const name = existsSync(FRAMES) ? '' : ' (skipped: ../shared/data is not beside the project)';

/**
 * Of the recording's table, by a plain program in another language: a line of each symbol and window, `symbol,
 * start,open,high,low,close,volume,count`, sorted. A price half way between two cents is the upper one.
 */
const EXPECTED = {
  windows: 2_321,
  volumes: { AAPL: 4_011_012, AVGO: 264_997, MSFT: 1_238_645, TSLA: 16_824_992 },
  first: 'AAPL,1693929600000,189.41,189.42,189.41,189.42,4644,3',
  last: 'TSLA,1693933195000,256.47,256.50,256.47,256.50,14167,3',
  sha256: 'd3b51a3261478f0011c051a48cfbe3cfc00a599b58b54ae66a153ac2bceffaf6',
};

test.skipIf(!existsSync(FRAMES))(
  `6,333 recorded looks of Yahoo end in the windows computed elsewhere${name}`,
  () => {
    const config = readConfig({ VENDOR: 'yahoo', SYMBOLS: 'AAPL', REPLAY_SPEED: 'max', FEED_URL: 'ws://x' });
    const shards = createShardMap(shardOptions(config));
    const intake = createIntake(shards, intakeOptions(config));
    const outbox = createOutbox(shards, { lingerMs: config.LINGER_MS, spacingMs: config.SPACING_MS });
    const samples = createSamples();
    const refused: Verdict[] = [];
    const note = (verdicts: readonly Verdict[]): void => {
      refused.push(...verdicts.filter(({ kind }) => kind !== 'accepted'));
    };
    let nowMs = 0;
    for (const text of gunzipSync(readFileSync(FRAMES)).toString().trim().split('\n')) {
      const frame = parseYahooFrame(text);
      for (const entry of frame.kind === 'trade' ? frame.entries : []) {
        nowMs = Math.max(nowMs, Number(Object(entry).t));
        const read = samples.read(entry, nowMs);
        if (read.kind !== 'sample') throw new Error('a look of now was taken for an old one');
        const arrival = { connection: 1, monotonicMs: 0, feedMs: nowMs, clockMs: nowMs };
        note(intake.offer(read.record, arrival));
      }
    }
    note(intake.end(0));
    expect(refused).toEqual([]);

    const looks: Trade[] = [];
    const departure = { epoch: 1, monotonicMs: 0, wallMs: 0, traceparent: () => 'tp' };
    for (let group = outbox.take(departure, true); group !== null; group = outbox.take(departure, true)) {
      for (const { extensions, data } of group.events) {
        const { batch, rejects } = cleanBatch(parseRawBatch(extensions, data), config.HORIZON_MS);
        expect([batch.sampled, rejects]).toEqual([true, []]);
        looks.push(...batch.trades);
      }
    }
    const lines = windowLines(looks);
    expect(lines).toHaveLength(EXPECTED.windows);
    expect([lines[0], lines.at(-1)]).toEqual([EXPECTED.first, EXPECTED.last]);
    for (const [symbol, volume] of Object.entries(EXPECTED.volumes)) {
      const own = looks.filter((look) => look.symbol === symbol);
      expect(own.reduce((sum, { sizeE8 }) => sum + Number(sizeE8) / 1e8, 0)).toBe(volume);
    }
    expect(createHash('sha256').update(lines.join('\n')).digest('hex')).toBe(EXPECTED.sha256);
  },
);

function windowLines(looks: readonly Trade[]): readonly string[] {
  const windows = Map.groupBy(
    looks,
    ({ symbol, eventTimeMs }) => `${symbol},${eventTimeMs - (eventTimeMs % 5_000)}`,
  );
  const lines = [...windows].map(([key, unsorted]) => {
    const sorted = unsorted.toSorted((a, b) => a.eventTimeMs - b.eventTimeMs);
    const prices = sorted.map(({ priceE8 }) => Number(priceE8) / 1e8);
    const [open, close] = [prices[0] ?? 0, prices.at(-1) ?? 0];
    const shown = [open, Math.max(...prices), Math.min(...prices), close].map((price) => price.toFixed(2));
    const volume = sorted.reduce((sum, { sizeE8 }) => sum + Number(sizeE8) / 1e8, 0);
    return [key, ...shown, volume, sorted.length].join(',');
  });
  return lines.toSorted((a, b) => (a < b ? -1 : 1));
}
