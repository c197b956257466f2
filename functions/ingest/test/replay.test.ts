import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseRawBatch, type RawBatch } from '@kandle/market/feed/raw-batch';
import { windowDueMs, windowStartOf } from '@kandle/market/window/window';
import { cleanBatch } from '@kandle/market/trade/clean-trades';
import { readTrial, trialFile } from '@kandle/testkit/trials';
import { createKafka } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { afterEach, expect, inject, test, vi } from 'vitest';
import { startReplayServer } from '@kandle/feeds/replay/replay-server';
import { createTopics } from '@kandle/servers/kafka/create-topics';
import { readTopicTail } from '../src/read-back/topic-tail.ts';

const RECORDING = join(
  import.meta.dirname,
  '../../../../shared/data/finnhub_frames_from_binance_spot.jsonl.gz',
);
const TRADES = 34_419;
const log = createLogger('ingest-test', 'silent');
const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function startReplay(speed: number | 'max', file = RECORDING, settings: Record<string, string> = {}) {
  const kafka = createKafka({ KAFKA_BROKERS: inject('kafkaBrokers'), KAFKA_TLS: false }, 'ingest-test', log);
  const suffix = randomUUID().slice(0, 8);
  const topic = `test.raw.${suffix}`;
  const rejectsTopic = `test.rejects.${suffix}`;
  const admin = kafka.admin();
  await admin.connect();
  await createTopics(admin, [
    { topic, partitions: 12 },
    { topic: rejectsTopic, partitions: 1 },
  ]);
  await admin.disconnect();
  const server = await startReplayServer({ file, port: 0, speed });
  cleanUps.push(() => server.close());
  const httpPort = await freePort();

  function start(): ChildProcess {
    const child = spawn(process.execPath, [join(import.meta.dirname, '../src/index.ts')], {
      env: {
        ...process.env,
        KAFKA_BROKERS: inject('kafkaBrokers').join(','),
        FEED_URL: server.url,
        FINNHUB_TOKEN: 'replay',
        SYMBOLS: server.symbols.join(','),
        REPLAY_SPEED: String(speed),
        RECONNECT_MIN_MS: '50',
        RAW_TOPIC: topic,
        REJECTS_TOPIC: rejectsTopic,
        HTTP_PORT: String(httpPort),
        LOG_LEVEL: 'warn',
        ...settings,
      },
      stdio: ['ignore', 'ignore', 'ignore'],
    });
    cleanUps.push(() => end(child, 'SIGKILL'));
    return child;
  }

  async function readStatus(): Promise<Readonly<Record<string, unknown>>> {
    return Object(await (await fetch(`http://127.0.0.1:${httpPort}/status`)).json());
  }

  async function readBatches(): Promise<RawBatch[]> {
    const batches: RawBatch[] = [];
    await readTopicTail(kafka, topic, {
      sinceMs: 0,
      groupId: `test-${randomUUID()}`,
      onMessage: ({ attributes, value }) => {
        if (attributes['type'] === 'io.kandle.trades.raw.v1')
          batches.push(parseRawBatch(attributes, JSON.parse(value)));
      },
      signal: new AbortController().signal,
      log,
    });
    return batches;
  }

  return { server, start, readStatus, readBatches };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const gone = new Promise<number | null>((resolve) => child.once('exit', resolve));
  child.kill(signal);
  return gone;
}

/** Every recorded trade once, every window closed by a batch with or after its last trade. */
function checkLog(batches: readonly RawBatch[]): void {
  const ids = batches.flatMap(({ records }) => records.map(({ id }) => id));
  expect(ids).toHaveLength(TRADES);
  expect(new Set(ids).size).toBe(TRADES);
  for (const shard of Map.groupBy(batches, ({ shard }) => shard).values()) {
    const lastOf = new Map<number, number>();
    for (const [index, { records }] of shard.entries()) {
      for (const { record } of records) lastOf.set(windowStartOf(Number(record['t'])), index);
    }
    for (const [windowStartMs, last] of lastOf) {
      const dueMs = windowDueMs(windowStartMs, 2_000);
      expect(shard.some(({ watermarkMs }, index) => index >= last && watermarkMs >= dueMs)).toBe(true);
    }
  }
}

test.skipIf(!existsSync(RECORDING))(
  'the recorded trades arrive once each (skipped without ../shared/data)',
  async () => {
    const { start, readStatus, readBatches } = await startReplay('max');
    const startedMs = performance.now();
    const child = start();
    await vi.waitFor(async () => expect(await readStatus()).toMatchObject({ drained: true }), {
      timeout: 60_000,
      interval: 20,
    });
    process.stderr.write(
      `${TRADES} trades in ${Math.round(performance.now() - startedMs)} ms from spawn to drained\n`,
    );
    expect(await readStatus()).toMatchObject({
      accepted: TRADES,
      sentRecords: TRADES,
      rejected: 0,
      duplicates: 0,
    });
    checkLog(await readBatches());
    expect(await end(child, 'SIGTERM')).toBe(0);
  },
);

test.skipIf(!existsSync(RECORDING))(
  'the recorded trades arrive once each, when ingest is killed and ended in the middle (skipped without ../shared/data)',
  async () => {
    const { server, start, readStatus, readBatches } = await startReplay(60);
    for (const [signal, frames] of [
      ['SIGKILL', 1_500],
      ['SIGTERM', 3_000],
      ['SIGKILL', 4_500],
    ] as const) {
      const child = start();
      await vi.waitFor(() => expect(server.played()).toBeGreaterThan(frames), {
        timeout: 60_000,
        interval: 5,
      });
      await end(child, signal);
    }
    const last = start();
    await vi.waitFor(async () => expect(await readStatus()).toMatchObject({ drained: true }), {
      timeout: 60_000,
      interval: 50,
    });
    // After the end, too: a later process is sent the last again, and knows it.
    await end(last, 'SIGKILL');
    start();
    await vi.waitFor(async () => expect(await readStatus()).toMatchObject({ drained: true }), {
      timeout: 60_000,
      interval: 50,
    });
    checkLog(await readBatches());
  },
);

test('a frame of more than a megabyte arrives whole, and one above the bound leaves a gap and lets the rest through', async () => {
  const trade = (n: number) => ({ c: null, p: 1 + n, s: 'AAPL', t: 1_723_161_255_000 + n, v: 1 });
  const frames = [
    [trade(0)],
    Array.from({ length: 20_000 }, (_, n) => trade(1 + n)),
    Array.from({ length: 40_000 }, (_, n) => trade(20_001 + n)),
    [trade(70_000)],
  ];
  const file = join(mkdtempSync(join(tmpdir(), 'kandle-frames-')), 'recording.jsonl');
  cleanUps.push(() => rmSync(dirname(file), { recursive: true }));
  const line = (data: unknown, index: number) =>
    `${JSON.stringify({ recv_ms: 1_723_161_255_000 + index * 100, frame: { data, type: 'trade' } })}\n`;
  writeFileSync(file, frames.map(line).join(''));
  const { start, readStatus, readBatches } = await startReplay('max', file, { MAX_FRAME_BYTES: '2000000' });
  start();
  await vi.waitFor(async () => expect(await readStatus()).toMatchObject({ drained: true }), {
    timeout: 60_000,
    interval: 50,
  });
  expect(await readStatus()).toMatchObject({ connection: 1, refusedFrames: 1, gaps: 1, accepted: 20_002 });
  const batches = await readBatches();
  expect(batches.flatMap(({ records }) => records)).toHaveLength(20_002);
});

test.each(['a04_thin_symbol', 'b02_delayed20_first', 'c01_last_nights_tick', 'd01_future_first'])(
  'the trades of %s count once each, from a replay server through a process to the clean batches',
  async (name) => {
    const { trades } = readTrial(name);
    const { start, readStatus, readBatches } = await startReplay('max', trialFile(name));
    start();
    await vi.waitFor(async () => expect(await readStatus()).toMatchObject({ drained: true }), {
      timeout: 60_000,
      interval: 50,
    });
    const batches = await readBatches();
    const clean = batches.map((batch) => cleanBatch(batch, 900_000));
    expect(clean.flatMap(({ rejects }) => rejects)).toEqual([]);
    expect(clean.flatMap(({ batch }) => batch.trades)).toHaveLength(trades);
  },
);
