import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { main } from '@kandle/backfill/main';
import { startHistoryServer } from '@kandle/feeds/finnhub/history-server';
import { formatFeedGap } from '@kandle/market/feed/feed-gap';
import { formatRawBatch } from '@kandle/market/feed/raw-batch';
import { tradeIdOf } from '@kandle/market/feed/trade-identity';
import { bucketOf } from '@kandle/market/view/buckets';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { runAudit } from '../src/audit.ts';
import { linesOf } from './lines.ts';
import {
  BEGIN_MS,
  EPOCH,
  gapMs,
  type GapName,
  GAPS,
  isIn,
  isMissed,
  MARKET,
  missedIn,
  plainCandles,
  rawBatches,
  recordingOf,
  SECONDS,
  SHARD,
  withoutGaps,
} from './market-with-gaps.ts';
import { HORIZON_MS, type SmallPipeline, startSmallPipeline } from './small-pipeline.ts';

/** Gaps are planted in a log, filled, and judged by the audit and by a plain count. */

let pipeline: SmallPipeline;
const folder = mkdtempSync(join(tmpdir(), 'kandle-backfill-'));
const recording = join(folder, 'all.jsonl');
const half = join(folder, 'half.jsonl');

beforeAll(async () => {
  pipeline = await startSmallPipeline();
  writeFileSync(recording, recordingOf(MARKET));
  // It ends in the middle of the last gap, and lacks a symbol.
  writeFileSync(half, recordingOf(MARKET.filter(({ s, t }) => s === 'AAPL' && t < BEGIN_MS + 187_000)));
  await pipeline.ingest([
    ...rawBatches(MARKET.filter((trade) => !isMissed(trade))),
    ...(Object.keys(GAPS) as GapName[]).map((name) => {
      const [fromMs, toMs] = gapMs(name);
      return formatFeedGap({ shard: SHARD, fromMs, toMs, reason: 'disconnected', droppedRecords: 0 }, EPOCH);
    }),
  ]);
  await pipeline.flow();
});

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await pipeline.close();
});

const env = (more: Readonly<Record<string, string>> = {}) => ({
  KAFKA_BROKERS: inject('kafkaBrokers').join(','),
  RAW_TOPIC: pipeline.topics.raw,
  REDRIVEN_TOPIC: pipeline.topics.redriven,
  FEED: 'test',
  SHARD_COUNT: '1',
  HORIZON_MS: String(HORIZON_MS),
  ...more,
});
const nameOf = (name: GapName): string => `${SHARD}:${gapMs(name)[0]}:disconnected`;

/** Runs the program in this process: its exit code, and what it printed. */
async function backfill(
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
  onProgress: (text: string) => void = () => undefined,
) {
  let printed = '';
  const output = { print: (text: string) => void (printed += text), progress: onProgress };
  const said: string[] = [];
  const code = await main(args, env(more), {
    ...output,
    progress(text) {
      said.push(text);
      onProgress(text);
    },
  });
  return { code, printed, said: said.join('\n') };
}

async function highOf(topic: string): Promise<number> {
  const admin = pipeline.kafka.admin();
  await admin.connect();
  try {
    return (await admin.fetchTopicOffsets(topic)).reduce((sum, { high }) => sum + Number(high), 0);
  } finally {
    await admin.disconnect();
  }
}

async function storedCandles(): Promise<Readonly<Record<string, unknown>>> {
  const { rows } = await pipeline.client.execute(
    "SELECT symbol, start, open, close, high, low, trade_count, volume FROM candles_5s WHERE feed = 'test' AND shard = ? AND bucket = ?",
    [SHARD, new Date(bucketOf('candles_5s', BEGIN_MS))],
    { prepare: true },
  );
  return Object.fromEntries(
    rows.map((row) => [
      `${Number(row.get('start'))} ${row.get('symbol')}`,
      {
        open: row.get('open'),
        close: row.get('close'),
        high: row.get('high'),
        low: row.get('low'),
        count: row.get('trade_count'),
        volume: Math.round(row.get('volume') * 1_000),
      },
    ]),
  );
}

const gapRows = async () =>
  (await pipeline.client.execute('SELECT * FROM feed_gaps')).rows.map((row) => ({
    fromMs: Number(row.get('from_time')),
    state: row.get('backfill_state'),
    source: row.get('backfill_source'),
    trades: Number(row.get('backfilled_trades') ?? 0),
    left: row.get('backfill_left'),
    note: row.get('backfill_note'),
  }));
const rowOf = async (name: GapName) => (await gapRows()).find(({ fromMs }) => fromMs === gapMs(name)[0]);

async function expectClean(): Promise<void> {
  const report = await runAudit(pipeline.audit);
  expect(linesOf(report)).toEqual([]);
  expect(report.verdict).toBe('clean');
}

const args = (name: GapName, ...more: readonly string[]) => ['--gap', nameOf(name), ...more];

test('a dry run shows what is missing, and sends nothing', async () => {
  const before = [await highOf(pipeline.topics.raw), await highOf(pipeline.topics.redriven)];
  const { code, printed } = await backfill(args('recorded', '--from-recording', recording));
  const count = missedIn('recorded').length;
  expect(printed).toContain(
    `filled: ${count} trades to bring, ${MARKET.filter(({ t }) => isIn('recorded', t)).length - count} counted already`,
  );
  expect(code).toBe(0);
  expect([await highOf(pipeline.topics.raw), await highOf(pipeline.topics.redriven)]).toEqual(before);
});

const LIVE = { s: 'AAPL', p: 77, t: BEGIN_MS + (SECONDS - 1) * 1_000 + 999, v: 0.001, c: null } as const;

test('a recording fills a gap exactly, live trades meanwhile are kept, and a second run changes nothing', async () => {
  let isSent = false;
  const { printed } = await backfill(
    args('recorded', '--from-recording', recording, '--write'),
    {},
    (text) => {
      if (!text.startsWith('Asking') || isSent) return;
      isSent = true;
      const tuple = { symbol: LIVE.s, eventTimeMs: LIVE.t, price: LIVE.p, size: LIVE.v, conditions: null };
      const watermarkMs = BEGIN_MS + SECONDS * 1_000;
      void pipeline.ingest([
        formatRawBatch({
          shard: SHARD,
          epoch: EPOCH + 1,
          sequence: 1,
          watermarkMs: watermarkMs + 10_000,
          watermarkBeforeMs: watermarkMs,
          ingestTimeMs: Date.now(),
          rules: 'us-tape',
          records: [{ id: tradeIdOf(tuple, 1), record: { ...LIVE } }],
        }),
      ]);
    },
  );
  const brought = missedIn('recorded').length;
  expect(printed).toContain(`Brought ${brought} trades`);
  await pipeline.flow();

  const expected = plainCandles([...withoutGaps('killed', 'vendor', 'partly'), LIVE]);
  expect(await storedCandles()).toEqual(expected);
  expect(await rowOf('recorded')).toMatchObject({
    state: 'filled',
    source: 'recording',
    trades: brought,
    left: '[]',
    note: '',
  });
  await expectClean();
  const marks = (
    await pipeline.client.execute(
      "SELECT backfilled FROM trades WHERE backfilled = 'recording' ALLOW FILTERING",
    )
  ).rowLength;
  expect(marks).toBe(brought);
  const { rows } = await pipeline.client.execute(
    'SELECT start, state, revision, reason, complete FROM candles_5s',
  );
  const inside = rows.filter((row) => Number(row.get('start')) === gapMs('recorded')[0] + 10_000);
  expect(inside.map((row) => [row.get('reason'), row.get('complete')])).toEqual([
    ['backfilled', false],
    ['backfilled', false],
  ]);

  const before = await highOf(pipeline.topics.raw);
  const again = await backfill(args('recorded', '--from-recording', recording, '--write'));
  expect(again.printed).toBe('There is no open gap that matches.');
  expect(await highOf(pipeline.topics.raw)).toBe(before);
});

test('a backfill that is killed with its batches in the ledger ends the same when it is run again', async () => {
  const before = await highOf(pipeline.topics.redriven);
  const child = spawn(
    process.execPath,
    [
      join(import.meta.dirname, '../../backfill/src/index.ts'),
      ...args('killed', '--from-recording', recording, '--write'),
    ],
    { env: { ...process.env, ...env() }, stdio: 'ignore' },
  );
  const ended = new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));
  const admin = pipeline.kafka.admin();
  await admin.connect();
  const isPlanned = async (): Promise<boolean> => {
    const offsets = await admin.fetchTopicOffsets(pipeline.topics.redriven);
    return offsets.reduce((sum, { high }) => sum + Number(high), 0) >= before + 2;
  };
  while (!(await isPlanned()) && child.exitCode === null) await sleep(20);
  child.kill('SIGKILL');
  await admin.disconnect();
  expect(await ended).toBe('SIGKILL');

  const { printed } = await backfill(args('killed', '--from-recording', recording, '--write'));
  expect(printed).not.toContain('no open gap');
  await pipeline.flow();
  expect(await storedCandles()).toEqual(plainCandles([...withoutGaps('vendor', 'partly'), LIVE]));
  expect(await rowOf('killed')).toMatchObject({ state: 'filled', trades: missedIn('killed').length });
  await expectClean();
});

test("Finnhub's history fills a gap, and a refusal, a limit and half an answer lose nothing", async () => {
  const past = MARKET.map(({ s, t, p, v }) => ({
    symbol: s,
    eventTimeMs: t,
    price: p,
    size: v,
    conditions: ['1'],
  }));
  const server = await startHistoryServer('secret-key', past);
  const settings = {
    API_URL: server.url,
    FINNHUB_TOKEN: 'secret-key',
    REQUESTS_PER_MINUTE: '60000',
    LIMIT_PAUSE_MS: '50',
  };
  try {
    const refused = await backfill(args('vendor', '--write'), { ...settings, FINNHUB_TOKEN: 'wrong' });
    expect([refused.code, refused.said]).toEqual([2, expect.stringContaining('Invalid API key')]);
    expect(refused.said).not.toContain('wrong');
    server.fail('half', 2);
    const halves = await backfill(args('vendor', '--write'), settings);
    expect(halves.code).toBe(1);
    await pipeline.flow();
    expect(await rowOf('vendor')).toMatchObject({
      state: 'unfilled',
      trades: 0,
      note: expect.stringContaining('stock/tick'),
    });
    server.fail({ status: 429, body: '{"error":"API limit reached"}' }, 2);
    expect(await backfill(args('vendor', '--write'), settings)).toMatchObject({ code: 0 });
  } finally {
    await server.close();
  }
  await pipeline.flow();
  expect(await storedCandles()).toEqual(plainCandles([...withoutGaps('partly'), LIVE]));
  expect(await rowOf('vendor')).toMatchObject({ state: 'filled', source: 'finnhub', note: '' });
});

test('a recording that has a part fills that part, and the rest stays open for another', async () => {
  await backfill(args('partly', '--from-recording', half, '--write'));
  await pipeline.flow();
  const row = await rowOf('partly');
  const [fromMs, toMs] = gapMs('partly');
  expect(JSON.parse(row?.left)).toEqual([
    { symbol: 'AAPL', fromMs: expect.any(Number), toMs },
    { symbol: 'MSFT', fromMs, toMs },
  ]);
  expect(row).toMatchObject({ state: 'partly', note: expect.stringContaining('MSFT') });
  await backfill(args('partly', '--from-recording', recording, '--write'));
  await pipeline.flow();
  expect(await storedCandles()).toEqual(plainCandles([...MARKET, LIVE]));
  expect(await rowOf('partly')).toMatchObject({
    state: 'filled',
    left: '[]',
    trades: missedIn('partly').length,
  });
});

test('feeds whose vendor has only bars are told so, and their gaps stay open', async () => {
  const [fromMs, toMs] = [BEGIN_MS + 200_000, BEGIN_MS + 201_000];
  await pipeline.ingest([
    formatFeedGap({ shard: SHARD, fromMs, toMs, reason: 'silent', droppedRecords: 0 }, EPOCH),
    formatFeedGap(
      { shard: SHARD, fromMs: toMs, toMs: BEGIN_MS + SECONDS * 1_000, reason: 'silent', droppedRecords: 0 },
      EPOCH,
    ),
  ]);
  const { code, printed } = await backfill(['--write'], { VENDOR: 'twelvedata' });
  expect(code).toBe(0);
  expect(printed).toContain(
    'not filled: 0 trades brought, 0 counted already; its history has bars of a minute',
  );
  expect(printed).toContain('not yet: 0 trades brought, 0 counted already; live trades of it may still come');
  await pipeline.flow();
});

test('runAudit() finds a wrong source and a wrong report of a backfill, and repairs both', async () => {
  const marked = await pipeline.client.execute(
    "SELECT bucket, symbol, time, id FROM trades WHERE backfilled = 'recording' LIMIT 1 ALLOW FILTERING",
  );
  const trade = marked.first();
  await pipeline.client.execute(
    "UPDATE trades SET backfilled = 'nobody' WHERE feed = 'test' AND shard = ? AND bucket = ? AND symbol = ? AND time = ? AND id = ?",
    [SHARD, trade?.get('bucket'), trade?.get('symbol'), trade?.get('time'), trade?.get('id')],
    { prepare: true },
  );
  await pipeline.client.execute(
    "UPDATE feed_gaps SET backfill_state = 'unfilled' WHERE feed = 'test' AND day = ? AND from_time = ? AND shard = ? AND reason = 'disconnected'",
    [new Date(BEGIN_MS).toISOString().slice(0, 10), new Date(gapMs('recorded')[0]), SHARD],
    { prepare: true },
  );
  const report = await runAudit({ ...pipeline.audit, repair: 'yes' });
  expect(report.findings.map(({ subject, kind }) => `${subject} ${kind}`).toSorted()).toEqual([
    'feed_gaps different',
    'trades different',
  ]);
  expect(report.repair?.left).toEqual([]);
  await expectClean();
});
