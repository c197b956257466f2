import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { archiveClosedHours } from '@kandle/archive/archive';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { main, type Output } from '../src/main.ts';
import { createSmallMarket } from './small-market.ts';
import { type SmallPipeline, startSmallPipeline } from './small-pipeline.ts';

const folder = mkdtempSync(join(tmpdir(), 'kandle-audit-'));
let pipeline: SmallPipeline;
let env: Record<string, string>;

beforeAll(async () => {
  pipeline = await startSmallPipeline();
  await pipeline.ingest(createSmallMarket(60, Date.now()));
  await pipeline.flow();
  const { contactPoints, port } = inject('cassandra');
  const { raw, trades, candles, rejects, dead, redriven } = pipeline.topics;
  const group = (name: string): string => `${raw}-${name}`;
  env = {
    KAFKA_BROKERS: inject('kafkaBrokers').join(','),
    CASSANDRA_CONTACT_POINTS: contactPoints.join(','),
    CASSANDRA_PORT: String(port),
    CASSANDRA_KEYSPACE: pipeline.client.keyspace,
    RAW_TOPIC: raw,
    TRADES_TOPIC: trades,
    CANDLES_TOPIC: candles,
    REJECTS_TOPIC: rejects,
    DEAD_TOPIC: dead,
    REDRIVEN_TOPIC: redriven,
    TRANSFORM_GROUP: group('transform'),
    AGGREGATE_GROUP: group('aggregate'),
    PERSIST_TRADES_GROUP: group('persist-trades'),
    PERSIST_CANDLES_GROUP: group('persist-candles'),
    HORIZON_MS: '60000',
  };
});

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await pipeline.close();
});

async function run(
  args: readonly string[],
  change: Readonly<Record<string, string>> = {},
  ask: Output['ask'] = null,
) {
  const printed: string[] = [];
  const said: string[] = [];
  const code = await main(
    args,
    { ...env, ...change },
    {
      print: (text) => printed.push(text),
      progress: (text) => said.push(text),
      ask,
    },
  );
  return { code, printed: printed.join('\n'), said: said.join('\n') };
}

/** Says that the functions have taken everything, as the KafkaSources' offsets would. */
async function commitAll(): Promise<void> {
  const { raw, trades, candles } = pipeline.topics;
  const admin = pipeline.kafka.admin();
  await admin.connect();
  try {
    for (const [group, topic] of [
      ['TRANSFORM_GROUP', raw],
      ['AGGREGATE_GROUP', trades],
      ['PERSIST_TRADES_GROUP', raw],
      ['PERSIST_CANDLES_GROUP', candles],
    ] as const) {
      const ends = await admin.fetchTopicOffsets(topic);
      const partitions = ends.map(({ partition, high }) => ({ partition, offset: high }));
      await admin.setOffsets({ groupId: env[group] ?? '', topic, partitions });
    }
  } finally {
    await admin.disconnect();
  }
}

async function removeTrades(): Promise<void> {
  const { client } = pipeline;
  const { rows } = await client.execute('SELECT DISTINCT feed, shard, bucket FROM trades');
  const query = "DELETE FROM trades WHERE feed = ? AND shard = ? AND bucket = ? AND symbol = 'AAPL'";
  for (const row of rows)
    await client.execute(query, [row['feed'], row['shard'], row['bucket']], { prepare: true });
}

test('main() judges nothing that the functions have not taken, and says so', async () => {
  await removeTrades();
  const { code, printed } = await run(['--wait', '0s']);
  expect(code).toBe(0);
  expect(printed).toMatch(/^trades .* not reached yet$/m);
});

test('main() answers 1, shows what differs and writes it as JSON; repairs it, answers 0, and finds nothing the next time', async () => {
  await commitAll();
  const file = join(folder, 'audit.json');
  const found = await run(['--json', file, '--max-refused', '50000']);
  expect(found.code).toBe(1);
  expect(found.printed).toMatch(/^trades: missing: \d+ of \d+: .* AAPL\]$/m);
  expect(found.printed).toMatch(/^\d+ differences \(/m);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({
    verdict: 'different',
    subjects: { trades: {} },
  });
  // Every trade of AAPL is gone: the line counts rows, as what was checked is counted.
  const [, checked, missing] = /^trades +(\d+) +(\d+) /m.exec(found.printed) ?? [];
  const rows = await pipeline.client.execute('SELECT id FROM trades');
  expect(Number(checked) - Number(missing)).toBe(rows.rowLength);
  expect(Number(missing)).toBeGreaterThan(10);

  const wouldWrite = expect.stringMatching(/Nothing was written. It would write: 0 windows/);
  // Nobody has agreed: with nobody to ask, asked and denied, or only tried.
  expect(await run(['--repair'])).toMatchObject({ code: 1, printed: wouldWrite });
  const questions: string[] = [];
  const denied = await run(['--repair'], {}, (question) => {
    questions.push(question);
    return Promise.resolve(false);
  });
  expect(denied).toMatchObject({ code: 1, printed: wouldWrite });
  expect(questions).toEqual(['Repair it?']);
  expect(await run(['--repair', '--dry-run'])).toMatchObject({ code: 1, printed: wouldWrite });

  const repaired = await run(['--repair', '--yes']);
  expect(repaired).toMatchObject({
    code: 0,
    printed: expect.stringMatching(/Written: 0 windows.*written or deleted by hand.*--undo 20/s),
  });
  expect(await run([])).toMatchObject({ code: 0, printed: expect.stringMatching(/Clean: nothing differs/) });
  // What was refused stands beside the verdict.
  expect((await run([])).printed).toMatch(/^Refused: \d+ bad_price, \d+ bad_symbol\.\nClean/m);

  expect(await run(['--undo', 'last'])).toMatchObject({ code: 0, printed: wouldWrite });
  expect(await run([])).toMatchObject({ code: 0 });
  expect(await run(['--undo', 'last', '--yes'])).toMatchObject({ code: 0 });
  const again = await run([]);
  expect(again.code).toBe(1);
  expect(/^trades .*$/m.exec(again.printed)?.[0]).toBe(/^trades .*$/m.exec(found.printed)?.[0]);
  // Days without a trade are no proof of anything.
  expect(await run(['--since', '2h'])).toMatchObject({
    code: 3,
    printed: expect.stringMatching(/Nothing was checked: no trade of the log lies within --since/),
  });
});

test('main() answers 2 and one line, when it cannot run', async () => {
  expect(await run(['--since'])).toMatchObject({ code: 2, printed: '' });
  expect(await run([], { HORIZON_MS: '-1' })).toMatchObject({
    code: 2,
    said: expect.stringMatching(/HORIZON_MS/),
  });
  const away = await run([], { KAFKA_BROKERS: '127.0.0.1:1' });
  expect(away).toMatchObject({ code: 2, said: expect.stringMatching(/^Cannot audit: /) });
});

test('main() with --archive judges what Kafka no longer has, and refuses a file that was changed', async () => {
  const { kafka, topics } = pipeline;
  // Whatever the tests before have left: it is found in the archive as it is in Kafka.
  const inKafka = await run(['--wait', '0s']);
  const hours = await archiveClosedHours({
    kafka,
    topic: topics.raw,
    folder,
    group: `${topics.raw}-archive`,
    closeAfterMs: 1,
    readMs: 60_000,
    wallMs: () => Date.now() + 2 * 3_600_000,
    onHour: () => undefined,
  });
  expect(hours).toBeGreaterThan(0);
  const admin = kafka.admin();
  await admin.connect();
  const ends = await admin.fetchTopicOffsets(topics.raw);
  await admin.deleteTopicRecords({
    topic: topics.raw,
    partitions: ends.map(({ partition, high }) => ({ partition, offset: high })),
  });
  await admin.deleteGroups([`${topics.raw}-archive`]);
  await admin.disconnect();
  expect((await run(['--wait', '0s'])).code).toBe(3);
  const archived = await run(['--archive', folder, '--wait', '0s']);
  const withoutTime = (text: string): string => text.replaceAll(/\(\d.*? s\)|^Audited .*$/gm, '');
  expect(withoutTime(archived.printed)).toBe(withoutTime(inKafka.printed));
  expect(inKafka.printed).toMatch(/^trades +\d{3}/m);
  expect(archived.code).toBe(inKafka.code);
  const [hour = ''] = readdirSync(join(folder, topics.raw));
  const file = join(folder, topics.raw, hour, 'partition-00.ndjson.gz');
  writeFileSync(file, readFileSync(file).subarray(0, -1));
  const changed = await run(['--archive', folder, '--wait', '0s']);
  expect(changed).toMatchObject({ code: 2 });
  expect(changed.said).toContain('is not as its manifest says');
});
