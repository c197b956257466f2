import { e16, e8 } from '@kandle/market/number/fixed-point';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { formatCandleBatch } from '@kandle/market/candle/candle-batch';
import { useTestKeyspace } from '@kandle/testkit/test-keyspace';
import { expect, onTestFinished, test, vi } from 'vitest';
import { freePort } from '@kandle/servers/ports/ports';

const DAY = Date.UTC(2026, 10, 2);
const { client, env } = useTestKeyspace('persist');

/** A process of persist that is ready. */
async function startPersist(idleMs: number) {
  const httpPort = await freePort();
  const child = spawn(process.execPath, [join(import.meta.dirname, '../src/index.ts')], {
    env: { ...env, PORT: String(httpPort), LOOPBACK_ONLY: 'true', ROLLUP_IDLE_MS: String(idleMs) },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  await vi.waitFor(() => expect(log).toContain('"ready"'), 30_000);
  return { child, port: httpPort };
}

/** Sends the final candle of one symbol and window. @returns The answer's status. */
async function sendCandle(to: number, symbol: string, windowStartMs: number): Promise<number> {
  const [event] = formatCandleBatch({
    shard: 'sim-00',
    windowStartMs,
    windowMs: 5_000,
    kind: 'final',
    version: 2,
    candles: [
      {
        symbol,
        version: 2,
        state: 'final',
        revision: 0,
        reason: null,
        complete: true,
        lastTradeMs: windowStartMs,
        openE8: e8(100_000_000n),
        highE8: e8(100_000_000n),
        lowE8: e8(100_000_000n),
        closeE8: e8(100_000_000n),
        volumeE8: e8(10_000_000n),
        notionalE16: e16(1_000_000_000_000_000n),
        priceSumE8: e8(100_000_000n),
        tradeCount: 1,
      },
    ],
  });
  if (event === undefined) throw new Error('no event');
  const { id, source, type, extensions, data } = event;
  const headers = Object.entries({ id, source, type, specversion: '1.0', ...extensions });
  const response = await fetch(`http://127.0.0.1:${to}/`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...Object.fromEntries(headers.map(([name, value]) => [`ce-${name}`, value])),
    },
    body: JSON.stringify(data),
  });
  return response.status;
}

async function readParts(symbol: string): Promise<readonly unknown[]> {
  const tables = ['candles_1m', 'candles_5m', 'candles_1h', 'candles_1d'];
  const read = tables.map(async (table) => {
    const { rows } = await client.execute(
      `SELECT parts, volume FROM ${table} WHERE feed = 'sim' AND symbol = ? ALLOW FILTERING`,
      [symbol],
    );
    return rows.map((row) => [row['parts'], row['volume']]);
  });
  return await Promise.all(read);
}

const THREE_PARTS = [[[3, 0.3]], [[3, 0.3]], [[3, 0.3]], [[3, 0.3]]];

test('a process that is killed leaves word of what it has not rolled up, and the next one makes up for it', async () => {
  const first = await startPersist(1_000_000);
  for (const second of [0, 5, 10]) {
    expect(await sendCandle(first.port, 'KILLED', DAY + second * 1_000)).toBe(204);
  }
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');
  expect(await readParts('KILLED')).toEqual([[], [], [], []]);
  await startPersist(200);
  await vi.waitFor(async () => expect(await readParts('KILLED')).toEqual(THREE_PARTS), 30_000);
});

test('a process rolls up what is pending before it ends, when it gets SIGTERM', async () => {
  const { child, port: to } = await startPersist(1_000_000);
  for (const second of [0, 5, 10]) expect(await sendCandle(to, 'ENDED', DAY + second * 1_000)).toBe(204);
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
  expect(await readParts('ENDED')).toEqual(THREE_PARTS);
});
