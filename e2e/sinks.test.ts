import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RecomputedWindow } from '@kandle/audit/recomputed';
import { compareSinks } from '@kandle/faults/compare-sinks';
import { NO_SINKS, type SinkServers, sinkServerEnv, startSinkServers } from '@kandle/faults/sinks';
import { SINKS } from '@kandle/knative/read-plan';
import type { Pipeline } from '@kandle/stand-in/pipeline';
import { readInflux } from '@kandle/testkit/sink/influx-contents';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { expectCleanAudit } from './clean-audit.ts';
import { runReplay } from './run-replay.ts';

const BEGIN_MS = 1_764_000_000_000;
const SYMBOLS = ['AAPL', 'MSFT', '币安🚀USDT'];
/** Enough windows for every indicator to become warm. */
const SECONDS = 115;
/** Frames that tell of a time that is closed by then, so that its candles are revised. */
const LATE_EVERY = 20;
const LATE_MS = 40_000;

/** A frame a second, of each symbol two trades in one millisecond; now and then late ones. */
function recording(): string {
  const lines = Array.from({ length: SECONDS }, (_, second) => {
    const recvMs = BEGIN_MS + second * 1_000;
    const isLate = second >= LATE_MS / 1_000 && second % LATE_EVERY === 0;
    const data = SYMBOLS.flatMap((s, n) => {
      const p = 100 + ((second * 7 + n * 3) % 11);
      const t = recvMs - (isLate && n > 0 ? LATE_MS : 100);
      return [1, 2].map((v) => ({ s, p: p + v / 8, t, v, c: v === 1 ? ['1'] : null }));
    });
    return JSON.stringify({ recv_ms: recvMs, frame: { type: 'trade', data } });
  });
  return `${lines.join('\n')}\n`;
}

/** Kills a function's process as soon as it has an event. */
async function killOnce({ services }: Pipeline, name: string): Promise<void> {
  const service = services.get(name);
  while (service?.stats().ready === 0) await sleep(10);
  service?.kill();
}

describe.skipIf(NO_SINKS !== null)(`the pipeline with both sinks${NO_SINKS ?? ''}`, () => {
  let servers: SinkServers;
  const folder = mkdtempSync(join(tmpdir(), 'kandle-sinks-'));
  beforeAll(async () => {
    servers = await startSinkServers({ onSpawn: () => undefined, onExit: () => undefined });
  });
  afterAll(async () => {
    await servers?.remove();
    rmSync(folder, { recursive: true });
  });

  test('Redis and InfluxDB hold what the audit recomputes, when each event comes twice and both sinks are killed', async () => {
    const file = join(folder, 'recording.jsonl');
    writeFileSync(file, recording());
    const windows: RecomputedWindow[] = [];
    const { deadLetters } = await runReplay(file, {
      deliveries: 2,
      sinks: SINKS,
      // Small batches: a window closes while the recording is played.
      processEnv: (name) => (name === 'ingest' ? { MAX_TRADES: '30' } : sinkServerEnv(servers, name)),
      during: async (pipeline) => {
        await Promise.all(SINKS.map((name) => killOnce(pipeline, name)));
      },
      after: async (pipeline, keyspace) => {
        await expectCleanAudit(keyspace, { onWindow: (window) => void windows.push(window) });
        for (const name of SINKS) expect(pipeline.services.get(name)?.stats().crashes).toBeGreaterThan(0);
        const of = {
          kafkaBrokers: inject('kafkaBrokers'),
          prefix: `${keyspace}.`,
          windows,
          servers,
        };
        const verdict = await compareSinks(of);
        expect(verdict.differences).toEqual([]);
        expect(verdict.compared).toBeGreaterThan(2 * SECONDS * SYMBOLS.length * 2);
        const { trades, candles, indicators } = await readInflux(servers.influx, 'finnhub');
        expect(trades).toHaveLength(SECONDS * SYMBOLS.length * 2);
        expect(candles.some(({ state }) => state === 'revised')).toBe(true);
        expect(indicators.some((row) => 'sma20' in row)).toBe(true);
        // A loss would be seen.
        await servers.influx.query("DELETE FROM trades WHERE symbol = 'AAPL'");
        expect((await compareSinks(of)).differences).toEqual([
          expect.stringMatching(
            /^InfluxDB, finnhub, trades: of 690 in the log and 460 there, 230 are missing \(.*\), 0 are too many/,
          ),
        ]);
      },
    });
    expect(deadLetters).toBe(0);
  });
});
