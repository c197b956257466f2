import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readPlan } from '@kandle/knative/read-plan';
import { expect, inject, onTestFinished, test } from 'vitest';
import { startPipeline } from '../src/pipeline.ts';

/** What Ctrl-C may take while a pipeline starts: its connections are closed, its processes ended. */
const AT_ONCE_MS = 5_000;

test.each([0, 300, 2_000])(
  'startPipeline() ends at once and leaves no process behind, when it is aborted %d ms after it began',
  async (afterMs) => {
    const keyspace = `aborted${Date.now()}`;
    const folder = mkdtempSync(join(tmpdir(), 'kandle-aborted-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const running = new Set<number>();
    const stopping = new AbortController();
    const reason = new Error('Ctrl-C');
    const starting = startPipeline({
      plan: await readPlan(),
      servers: { kafkaBrokers: inject('kafkaBrokers'), cassandra: inject('cassandra') },
      keyspace,
      prefix: `${keyspace}.`,
      logFolder: folder,
      // Nobody listens there: ingest never becomes more than alive.
      feed: { FEED_URL: 'ws://127.0.0.1:9', FINNHUB_TOKEN: 'key', SYMBOLS: 'A' },
      fromSource: true,
      signal: stopping.signal,
      log: () => undefined,
      hooks: { onSpawn: (_, pid) => running.add(pid), onExit: (_, pid) => running.delete(pid) },
    });
    const outcome = starting.then(
      async (pipeline) => pipeline.stop(),
      (error: unknown) => error,
    );
    await sleep(afterMs);
    const abortedAtMs = performance.now();
    stopping.abort(reason);
    expect(await outcome).toBe(reason);
    expect(performance.now() - abortedAtMs).toBeLessThan(AT_ONCE_MS);
    expect(running).toEqual(new Set());
  },
);
