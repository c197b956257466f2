import { setTimeout as sleep } from 'node:timers/promises';
import { readRecords } from '@kandle/runtime/read-records';
import { expect, onTestFinished, test, vi } from 'vitest';
import { z } from 'zod';
import { readStreamEvent } from '../src/stream/stream-event.ts';
import { listenToStream } from './event-stream.ts';
import { startQueryProcess } from './query-process.ts';
import { useStreamTopics } from './stream-topics.ts';

/** `npm run test:long` takes three minutes, and kills every twenty seconds. */
const SECONDS = Number(process.env['KILL_SECONDS'] ?? 9);
const KILL_EVERY_MS = SECONDS < 60 ? 3_000 : 20_000;
const SYMBOLS = ['SIM:A', 'SIM:B', 'SIM:C'];
const SEND_EVERY_MS = 15;

const { settings, topics, kafka, admin, sendCandles, sendIndicators } = useStreamTopics('kills');

const ToldSchema = z.object({ rows: z.array(z.looseObject({ symbol: z.string(), version: z.number() })) });
type ToldRow = z.infer<typeof ToldSchema>['rows'][number];

/** What was told of each kind and symbol, in its order: a row a line. */
function byKindAndSymbol(told: readonly { readonly kind: string; readonly rows: readonly ToldRow[] }[]) {
  const lines = new Map<string, string[]>();
  for (const { kind, rows } of told)
    for (const row of rows) {
      const key = `${kind} ${row.symbol}`;
      const own = lines.get(key) ?? [];
      own.push(JSON.stringify(row));
      lines.set(key, own);
    }
  return lines;
}

/** What a reader of the topics has. */
async function readTopics() {
  const told: { kind: string; rows: readonly ToldRow[] }[] = [];
  for (const topic of Object.values(topics)) {
    const ends = await admin.fetchTopicOffsets(topic);
    const ranges = ends.map(({ partition, low, high }) => ({
      partition,
      from: BigInt(low),
      to: BigInt(high),
    }));
    const limits = { name: 'kills', deadlineMs: 60_000, maxRecords: Number.POSITIVE_INFINITY };
    const isWhole = await readRecords(kafka, topic, ranges, limits, (_, { headers, value }) => {
      const event = readStreamEvent(String(headers?.['ce_type']), value);
      if (event !== null) told.push({ kind: event.kind, rows: ToldSchema.parse(event).rows });
    });
    expect(isWhole).toBe(true);
  }
  return told;
}

test(`a stream whose process is killed every ${KILL_EVERY_MS / 1_000} s for ${SECONDS} s, and ends by itself in between, has the rows of a reader of the topics, each once and in order`, {
  timeout: SECONDS * 1_000 + 120_000,
}, async () => {
  const life = { STREAM_LIFE_MS: String(KILL_EVERY_MS * 0.6) };
  const query = await startQueryProcess({ ...settings, ...life });
  const client = listenToStream(() => `${query.url}/v1/stream`);
  onTestFinished(() => client.stop());
  await vi.waitFor(() => expect(client.seen.map(({ name }) => name)).toContain('begin'), 30_000);
  const endMs = performance.now() + SECONDS * 1_000;
  let kills = 0;
  const killing = (async () => {
    for (let dueMs = performance.now() + KILL_EVERY_MS; dueMs < endMs; dueMs += KILL_EVERY_MS) {
      await sleep(Math.max(0, dueMs - performance.now()));
      await query.end('SIGKILL');
      kills += 1;
      await query.start();
    }
  })();
  while (performance.now() < endMs) {
    const version = await sendCandles(SYMBOLS);
    await sendIndicators(SYMBOLS, version);
    await sleep(SEND_EVERY_MS);
  }
  await killing;
  const wanted = byKindAndSymbol(await readTopics());
  const toldOf = () =>
    byKindAndSymbol(
      client.seen
        .filter(({ name }) => name === 'candles' || name === 'indicators')
        .map(({ name, data }) => ({ kind: name, rows: ToldSchema.parse(data).rows })),
    );
  const count = (lines: ReadonlyMap<string, readonly string[]>) =>
    [...lines.values()].reduce((sum, { length }) => sum + length, 0);
  // What is missing then is told below, row by row.
  await vi
    .waitFor(() => expect(count(toldOf())).toBeGreaterThanOrEqual(count(wanted)), 60_000)
    .catch(() => undefined);
  const told = toldOf();
  const missing = [...wanted].flatMap(([key, lines]) => {
    const heard = new Set(told.get(key));
    return lines.filter((line) => !heard.has(line)).map((line) => `${key} ${line}`);
  });
  expect(missing).toEqual([]);
  for (const [key, lines] of wanted) expect(told.get(key), key).toEqual(lines);
  expect(count(told)).toBe(count(wanted));
  expect(kills).toBeGreaterThanOrEqual(2);
  // Every kill, and every end of its life, is one more connection.
  expect(client.connections()).toBeGreaterThan(kills);
  expect(client.seen.map(({ name }) => name)).not.toContain('missed');
  if (SECONDS >= 60)
    process.stderr.write(
      `${kills} kills, ${client.connections()} connections, ${count(told)} rows, 0 lost\n`,
    );
});
