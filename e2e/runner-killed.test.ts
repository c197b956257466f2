import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { exportViews } from '@kandle/local/export';
import { readPlan } from '@kandle/knative/read-plan';
import { type PipelineOptions, startPipeline } from '@kandle/stand-in/pipeline';
import { freePort } from '@kandle/servers/ports/ports';
import { startReplayServer } from '@kandle/feeds/replay/replay-server';
import { Kafka, logLevel } from 'kafkajs';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import {
  hasRecording,
  NO_RECORDING,
  readExpectedWindows,
  readExportedCandles,
  RECORDING,
} from './recording.ts';
import { runReplay, untilAtRest } from './run-replay.ts';
import { expectSameCandles } from './same-candles.ts';

const RUNNER = fileURLToPath(new URL('./fixtures/runner.ts', import.meta.url));

const Told = z.object({
  spawned: z.number().optional(),
  ended: z.number().optional(),
  delivered: z.record(z.string(), z.number()).optional(),
});

type Delivered = Readonly<Record<string, number>>;
type Task = Omit<PipelineOptions, 'plan' | 'log' | 'hooks'>;

/**
 * Starts a runner in a process of its own, and kills it and all that it started once it has delivered enough.
 */
async function runAndKill(task: Task, isEnough: (delivered: Delivered) => boolean): Promise<Delivered> {
  const runner = spawn(process.execPath, [RUNNER, JSON.stringify(task)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const gone = once(runner, 'exit');
  const pids = new Set<number>();
  const kill = (pid: number | undefined): void => {
    try {
      if (pid !== undefined) process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  };
  onTestFinished(() => {
    kill(runner.pid);
    for (const pid of pids) kill(pid);
  });
  let delivered: Delivered = {};
  for await (const line of createInterface({ input: runner.stdout })) {
    const told = Told.parse(JSON.parse(line));
    if (told.spawned !== undefined) pids.add(told.spawned);
    if (told.ended !== undefined) pids.delete(told.ended);
    delivered = told.delivered ?? delivered;
    if (isEnough(delivered)) break;
  }
  // Its functions and ingest had no owner left: on a laptop the next start ends them, here it is done at once.
  kill(runner.pid);
  for (const pid of pids) kill(pid);
  await gone;
  pids.clear();
  expect(isEnough(delivered), 'the runner ended before it was killed').toBe(true);
  return delivered;
}

/** Records of a topic. */
async function sizeOf(topic: string): Promise<number> {
  const admin = new Kafka({ brokers: inject('kafkaBrokers'), logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  const offsets = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  return offsets.reduce((sum, { high }) => sum + Number(high), 0);
}

describe.skipIf(!hasRecording)(`the recorded trades${hasRecording ? '' : ` (${NO_RECORDING})`}`, () => {
  test('the candles are the same bytes, when the runner and all its processes are killed in the middle', async () => {
    const plain = await runReplay(RECORDING);
    const name = `killed${Date.now()}`;
    const folder = mkdtempSync(join(tmpdir(), 'kandle-killed-'));
    const logFolder = join(folder, 'logs');
    mkdirSync(logFolder);
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    // It outlives the runner, as a feed does.
    const feed = await startReplayServer({ file: RECORDING, port: await freePort(), speed: 'max' });
    onTestFinished(() => feed.close());
    const task: Task = {
      servers: { kafkaBrokers: inject('kafkaBrokers'), cassandra: inject('cassandra') },
      keyspace: name,
      prefix: `${name}.`,
      logFolder,
      feed: {
        FEED_URL: feed.url,
        FINNHUB_TOKEN: 'replay',
        SYMBOLS: feed.symbols.join(','),
        REPLAY_SPEED: 'max',
        // Enough batches to be in the middle of.
        MAX_TRADES: '200',
      },
    };
    const before = await runAndKill(task, (delivered) => (delivered['aggregate'] ?? 0) >= 30);

    const pipeline = await startPipeline({
      ...task,
      plan: await readPlan(),
      log: () => undefined,
      hooks: { onSpawn: () => undefined, onExit: () => undefined },
    });
    onTestFinished(() => pipeline.stop());
    await untilAtRest(pipeline, logFolder);
    await exportViews(pipeline.client, name, folder);
    await pipeline.client.execute(`DROP KEYSPACE ${name}`);

    const candles = readFileSync(join(folder, 'candles_5s.csv'), 'utf8');
    expect(candles).toBe(plain.candles);
    expect(readFileSync(join(folder, 'trades.csv'), 'utf8')).toBe(plain.trades);
    expectSameCandles(readExportedCandles(candles), readExpectedWindows());
    // More deliveries than records: events came again. (What was told last before the kill is a lower bound.)
    const aggregate = pipeline.sources.find(({ plan }) => plan.name === 'aggregate');
    const records = await sizeOf(aggregate?.plan.topic ?? '');
    expect(before['aggregate']).toBeLessThan(records / 2);
    expect((before['aggregate'] ?? 0) + (aggregate?.stats.delivered ?? 0)).toBeGreaterThan(records);
    for (const { stats } of pipeline.sources) expect(stats.deadLettered + stats.dropped).toBe(0);
  });
});
