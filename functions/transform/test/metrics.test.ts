import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKafka } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { createTopics } from '@kandle/servers/kafka/create-topics';
import { startOtlpReceiver } from '@kandle/testkit/otlp-receiver';
import { afterAll, beforeAll, expect, inject, onTestFinished, test, vi } from 'vitest';
import { bundleFunction } from '@kandle/build/bundle';
import { freePort } from '@kandle/servers/ports/ports';

const brokers = inject('kafkaBrokers');
const topics = { trades: `test.trades.${randomUUID()}`, rejects: `test.rejects.${randomUUID()}` };
const folder = mkdtempSync(join(tmpdir(), 'kandle-transform-'));
const SOURCES = join(import.meta.dirname, '../src/index.ts');
const NOW = 1_700_000_000_000;
let bundle = '';

beforeAll(async () => {
  bundle = (await bundleFunction('transform', folder)).file;
  const settings = { KAFKA_BROKERS: brokers, KAFKA_TLS: false };
  const admin = createKafka(settings, 'test', createLogger('test', 'silent')).admin();
  await admin.connect();
  await createTopics(
    admin,
    Object.values(topics).map((topic) => ({ topic, partitions: 1 })),
  );
  await admin.disconnect();
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Transform {
  readonly child: ChildProcess;
  readonly port: number;
  readonly log: () => string;
}

/** A process of transform that is ready to take events. */
async function startTransform(script: string, collector: string): Promise<Transform> {
  const port = await freePort();
  const child = spawn(process.execPath, [script], {
    env: {
      PORT: String(port),
      LOOPBACK_ONLY: 'true',
      KAFKA_BROKERS: brokers.join(','),
      TRADES_TOPIC: topics.trades,
      REJECTS_TOPIC: topics.rejects,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
  await vi.waitFor(() => expect(output).toContain('"ready"'), 30_000);
  return { child, port, log: () => output };
}

/** Sends a batch of one good trade and two bad ones. @returns The answer's status. */
async function sendBatch(port: number, headers: Readonly<Record<string, string>> = {}): Promise<number> {
  const record = (fields: object) => ({
    id: 'id',
    record: { s: 'AAPL', p: 1.5, t: NOW, v: 2, c: null, ...fields },
  });
  const response = await fetch(`http://127.0.0.1:${port}/`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'ce-specversion': '1.0',
      'ce-id': '1:finnhub-03:1',
      'ce-source': '/feeds/finnhub',
      'ce-type': 'io.kandle.trades.raw.v1',
      'ce-shard': 'finnhub-03',
      'ce-epoch': '1',
      'ce-sequence': '1',
      'ce-watermark': String(NOW),
      'ce-ingesttime': String(NOW),
      ...headers,
    },
    body: JSON.stringify({ records: [record({}), record({ p: 0 }), record({ t: NOW - 900_001 })] }),
  });
  return response.status;
}

test.for([
  ['sources', () => SOURCES],
  ['one CommonJS bundle', () => bundle],
] as const)(
  'transform sends what it counted when it is stopped right after an event, run from %s',
  async ([, script]) => {
    const receiver = await startOtlpReceiver();
    onTestFinished(receiver.close);
    const { child, port, log } = await startTransform(script(), receiver.url);
    expect(await sendBatch(port)).toBe(204);
    expect(await sendBatch(port, { 'ce-type': 'io.kandle.other.v1' })).toBe(422);
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
    const type = 'io.kandle.trades.raw.v1';
    const sums = receiver
      .points()
      .map(({ service, name, attributes, value }) => [service, name, attributes, value]);
    expect(sums).toHaveLength(8);
    expect(sums).toEqual(
      expect.arrayContaining([
        ['transform', 'function_events_total', { type, answer: '204' }, 1],
        ['transform', 'function_events_total', { type: 'other', answer: '422' }, 1],
        ['transform', 'function_event_seconds', { type, answer: '204' }, 1],
        ['transform', 'function_event_seconds', { type: 'other', answer: '422' }, 1],
        ['transform', 'function_cold_start_seconds', {}, 1],
        ['transform', 'transform_trades_total', {}, 1],
        ['transform', 'transform_rejects_total', { reason: 'bad_price' }, 1],
        ['transform', 'transform_rejects_total', { reason: 'too_late' }, 1],
      ]),
    );
    expect(log()).not.toContain('metrics');
  },
);

test('transform ends with exit code 0 and one line about it, when the collector is away', async () => {
  const { child, port, log } = await startTransform(bundle, 'http://127.0.0.1:9');
  expect(await sendBatch(port)).toBe(204);
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
  expect(log().match(/[^"]*metrics[^"]*/g)).toEqual([
    'Cannot send the last metrics: Cannot wait longer: no answer in 3000 ms',
  ]);
});
