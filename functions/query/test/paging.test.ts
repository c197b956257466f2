import { readFileSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type BucketedView, BUCKET_MS, bucketOf } from '@kandle/market/view/buckets';
import { useTestKeyspace } from '@kandle/testkit/test-keyspace';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { startQueryProcess } from './query-process.ts';

/** `npm run test:long` pages over a million. */
const CANDLES = Number(process.env['PAGED_CANDLES'] ?? 30_000);
const PAGE_ROWS = CANDLES < 100_000 ? 1_000 : 10_000;
/** Of a process that held all of a million rows, or many pages, this would not be enough. */
const HEAP_MB = 160;
const PERIOD_MS = 5_000;
const SYMBOL = 'SIM:LONG';
const SHARD = 'sim-07';
/** A UTC midnight. */
const BEGIN = Date.UTC(2026, 8, 1);
const END = BEGIN + CANDLES * PERIOD_MS;
/** Of so many windows one is empty in the beginning. */
const EMPTY_EVERY = 50;
const BATCHES_AT_ONCE = 12;
const REVISED_AT_ONCE = 20;

const { client, env } = useTestKeyspace('query_paging');

const COLUMNS = [
  'feed',
  'shard',
  'bucket',
  'symbol',
  'start',
  'open',
  'high',
  'low',
  'close',
  'volume',
  'vwap',
  'mean_price',
  'trade_count',
  'state',
  'version',
  'revision',
  'reason',
  'complete',
  'sampled',
];

function insertInto(table: BucketedView): string {
  return `INSERT INTO ${table} (${COLUMNS.join(', ')}) VALUES (${COLUMNS.map(() => '?').join(', ')})`;
}

function candle(table: BucketedView, start: number, version: number) {
  const close = 100 + (start % 7_919) / 1_000 + version;
  const numbers = [close, close + 0.25, close - 0.125, close, 1.5, close, close, 3];
  const words = ['final', version, version - 1, version > 1 ? 'late' : '', true, false];
  return {
    query: insertInto(table),
    params: ['sim', SHARD, new Date(bucketOf(table, start)), SYMBOL, new Date(start), ...numbers, ...words],
  };
}

/** Writes the first version of candles, a partition a batch, several at once. */
async function fill(
  table: BucketedView,
  periodMs: number,
  isThere: (start: number) => boolean,
): Promise<void> {
  const bucketMs = BUCKET_MS[table];
  let bucket = bucketOf(table, BEGIN);
  async function work(): Promise<void> {
    while (bucket < END) {
      const from = bucket;
      bucket += bucketMs;
      const starts: number[] = [];
      for (let start = from; start < Math.min(from + bucketMs, END); start += periodMs)
        if (isThere(start)) starts.push(start);
      await client.batch(
        starts.map((start) => candle(table, start, 1)),
        { prepare: true, logged: false },
      );
    }
  }
  await Promise.all(Array.from({ length: BATCHES_AT_ONCE }, work));
}

const isEmptyAtFirst = (start: number): boolean => ((start - BEGIN) / PERIOD_MS) % EMPTY_EVERY === 7;
const PageSchema = z.object({
  rows: z.array(z.object({ start: z.number(), version: z.number(), close: z.number() })),
  next: z.string().nullable(),
});

/** Resident memory of a process, MiB, without pages of files; NaN where there is no /proc. */
function memoryOf(pid: number): number {
  try {
    const [, kilobytes = 'NaN'] =
      /^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kilobytes) / 1_024;
  } catch {
    return Number.NaN;
  }
}

test(`paging over ${CANDLES} candles gives each start once while candles are revised and empty windows filled`, {
  timeout: 900_000,
}, async () => {
  await fill('candles_5s', PERIOD_MS, (start) => !isEmptyAtFirst(start));
  await fill('candles_5m', 300_000, () => true);
  await fill('candles_1d', 86_400_000, () => true);
  await client.execute(
    'INSERT INTO latest (feed, symbol, shard, time, price, size) VALUES (?, ?, ?, ?, ?, ?)',
    ['sim', SYMBOL, SHARD, new Date(END - 1), 1, 1],
    { prepare: true },
  );
  const query = await startQueryProcess(env, [`--max-old-space-size=${HEAP_MB}`]);
  /** Version of each candle as it was acknowledged last; 0 for an empty window. */
  const versions = new Int32Array(CANDLES).map((_, n) => (isEmptyAtFirst(BEGIN + n * PERIOD_MS) ? 0 : 1));
  const seen = new Uint8Array(CANDLES);
  /** Windows that were filled so far ahead of the reader that it has to see them. */
  const filledAhead = new Set<number>();
  let reached = -1;
  const read = new AbortController();
  let revisions = 0;

  /** Late trades all over: behind the reader, where it is, and ahead. */
  const revising = (async () => {
    for (let turn = 1; !read.signal.aborted; turn++) {
      const chosen = new Set(
        Array.from({ length: REVISED_AT_ONCE }, (_, n) =>
          n % 4 === 0
            ? Math.min(CANDLES - 1, Math.max(0, reached + (n - 8) * 40))
            : Math.floor(((turn * 7_919 + n * 104_729) % 1_000_003) * (CANDLES / 1_000_003)),
        ),
      );
      for (const n of [...chosen].filter((one) => one % EMPTY_EVERY !== 7).slice(0, 5)) {
        const empty = n - (n % EMPTY_EVERY) + 7;
        if (empty < CANDLES) chosen.add(empty);
      }
      await Promise.all(
        [...chosen].map(async (n) => {
          const version = (versions[n] ?? 0) + 1;
          const { query: text, params } = candle('candles_5s', BEGIN + n * PERIOD_MS, version);
          await client.execute(text, params, { prepare: true });
          versions[n] = version;
          revisions += 1;
          if (version === 1 && n > reached + 2 * PAGE_ROWS) filledAhead.add(n);
        }),
      );
      await nextTurn();
    }
  })();

  const memory: number[] = [];
  let wrong = 0;
  try {
    for (let next: string | null = ''; next !== null; ) {
      const page: string = next === '' ? '' : `&page=${next}`;
      const path = `/v1/candles?symbol=${SYMBOL}&from=${BEGIN}&to=${END}&limit=${PAGE_ROWS}${page}`;
      const before = versions.slice(reached + 1, reached + 1 + 2 * PAGE_ROWS);
      const response = await fetch(query.url + path);
      expect(response.status).toBe(200);
      const answer = PageSchema.parse(await response.json());
      const first = reached + 1;
      for (const { start, version } of answer.rows) {
        const n = (start - BEGIN) / PERIOD_MS;
        // Ascending, and no older than what was acknowledged before the page was asked for.
        if (!Number.isInteger(n) || n <= reached || version < (before[n - first] ?? 0)) wrong += 1;
        seen[n] = (seen[n] ?? 0) + 1;
        reached = n;
      }
      memory.push(memoryOf(query.pid()));
      ({ next } = answer);
    }
  } finally {
    read.abort();
    await revising;
  }
  const missing = seen.findIndex((times, n) => times === 0 && !isEmptyAtFirst(BEGIN + n * PERIOD_MS));
  const twice = seen.findIndex((times) => times > 1);
  const unseen = [...filledAhead].filter((n) => seen[n] !== 1);
  expect({ wrong, missing, twice, unseen }).toEqual({ wrong: 0, missing: -1, twice: -1, unseen: [] });
  expect(revisions).toBeGreaterThan(100);
  expect(filledAhead.size).toBeGreaterThan(0);
  if (CANDLES < 1_000_000) return;
  const half = Math.ceil(memory.length / 2);
  const [earlier, later] = [Math.max(...memory.slice(0, half)), Math.max(...memory.slice(half))];
  process.stderr.write(
    `${memory.length} pages, ${revisions} revisions, ${filledAhead.size} windows filled ahead; MiB at most ${earlier.toFixed(0)} in the first half, ${later.toFixed(0)} in the second\n`,
  );
});
