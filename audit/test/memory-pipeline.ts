import { formatCandleBatch, parseCandleBatch } from '@kandle/market/candle/candle-batch';
import { formatRawBatch } from '@kandle/market/feed/raw-batch';
import type { MarketEvent } from '@kandle/market/event/market-event';
import { auditPartition } from '../src/audit-partition.ts';
import { createDifferences } from '../src/compare/differences.ts';
import { createDoubts } from '../src/compare/doubts.ts';
import { createLookedAt } from '../src/compare/looked-at.ts';
import { batchIdOf, createDeadLetters } from '../src/read/dead-letters.ts';
import { readLogIndex } from '../src/read/log-index.ts';
import type { TopicEvent } from '../src/read/raw-batch.ts';
import { createRedriven } from '../src/read/redriven.ts';
import type { StoredWindow } from '../src/read/stored.ts';
import type { StoredRow } from '../src/read/window-rows.ts';
import type { TopicReader } from '../src/read/topic-reader.ts';
import { candleColumns } from '../src/recompute/candle.ts';
import { expectedColumns, expectedWindow, type PlacedTrade } from '../src/recompute/expected-window.ts';
import { batchOf, planRepair } from '../src/repair/plan-repair.ts';
import { planUndo } from '../src/repair/plan-undo.ts';
import { repair } from '../src/repair/repair.ts';
import type { Change } from '../src/repair/repair-log.ts';
import { candleRemoval, tradeWrite } from '../src/repair/rows.ts';
import type { RepairSummary } from '../src/repair/summary.ts';
import type { Run } from '../src/run.ts';
import type { Cell, Columns } from '../src/values/columns.ts';
import { startOf, WINDOW_MS } from '../src/values/periods.ts';
import { batchesOf, hasSequence, readSequences, writeSequences } from '../src/values/sequences.ts';
import type { Finding } from '../src/values/tally.ts';
import { createMemoryTables, type MemoryTables, windowKey } from './memory-tables.ts';

export const SHARD = 'test-00';
/** Where the rows of its views stand. */
export const PLACE = { feed: 'test', shard: SHARD };
/** On a whole five minutes. */
export const BEGIN_MS = 1_764_000_000_000;
const EPOCH = 1;
const MINUTE_MS = 60_000;

/** A batch as ingest sends it, and what becomes of it. */
export interface PlannedBatch {
  readonly trades: readonly PlannedTrade[];
  /** Where in the topic it stands: copies of it may stray, as after a redrive by another partitioner. */
  readonly place: 'home' | 'a copy strayed' | 'astray only';
  /** Who gives it up at first. */
  readonly givenUpBy: 'transform' | 'aggregate' | 'persist' | null;
}

/** A trade of a planned batch. */
export interface PlannedTrade {
  readonly symbol: string;
  /** Milliseconds after the beginning. */
  readonly atMs: number;
  readonly price: number;
  readonly size: number;
}

/**
 * A pipeline in memory: a raw log, functions of a few lines that store what it says, and the audit with its
 * repair over both.
 */
export interface MemoryPipeline {
  readonly tables: MemoryTables;
  /** The wall clock, which is later than every event, and later each time. */
  wallMs(): number;
  /** Batches that somebody gave up and nobody has sent again. */
  waiting(): readonly number[];
  /** Sends one of these again. */
  redrive(sequence: number): Promise<void>;
  audit(): Promise<Audited>;
  /** Repairs what an audit has found. */
  repair(audited: Audited): Promise<RepairSummary>;
  /** Undoes the newest repair that has changed anything. */
  undo(): Promise<RepairSummary>;
  /** The trades that the log has, of batches that nobody waits for, by window. */
  trades(isTaken: (sequence: number) => boolean): ReadonlyMap<number, readonly PlacedTrade[]>;
}

/** What an audit came to. */
export interface Audited {
  readonly run: Run;
  readonly findings: readonly Finding[];
}

/** What kind of market it is. */
export interface MemoryMarket {
  /** Its feed shows prices and tells no trades. */
  readonly isSampled: boolean;
}

/** Lets the functions take a log, all of whose windows are closed then. */
export async function createMemoryPipeline(
  batches: readonly PlannedBatch[],
  { isSampled }: MemoryMarket,
): Promise<MemoryPipeline> {
  const tables = createMemoryTables();
  const raw: TopicEvent[][] = [[], []];
  const candles: TopicEvent[] = [];
  const letters: TopicEvent[] = [];
  const redriven = createRedriven();
  const waiting = new Set<number>();
  const repairs: Change[][] = [];
  const log = new Map<number, readonly PlacedTrade[]>();
  let clockMs = BEGIN_MS + 24 * 60 * MINUTE_MS;
  const wallMs = (): number => (clockMs += 1_000);

  function put(topic: TopicEvent[], partition: number, event: MarketEvent): void {
    topic.push({
      partition,
      offset: topic.length,
      attributes: { id: event.id, type: event.type, ...event.extensions },
      value: Buffer.from(JSON.stringify(event.data)),
    });
  }

  /** Puts events of candles into their topic, and persist takes them at once: each version in its place. */
  async function publish(events: readonly MarketEvent[]): Promise<void> {
    for (const event of events) {
      put(candles, 0, event);
      const batch = parseCandleBatch(event.data);
      for (const { symbol, version, revision, reason, complete, state, ...numbers } of batch.candles) {
        const isRevised = state === 'revised';
        const life = { version, revision, complete, reason: reason ?? '' };
        await tables.views.insert(
          {
            ...candleRemoval(PLACE, { symbol, timeMs: batch.windowStartMs, columns: {} }),
            columns: candleColumns(
              { ...numbers, isSampled: batch.sampled === true },
              { ...life, state: isRevised ? 'revised' : 'final' },
            ),
          },
          BigInt(batch.windowStartMs) * 1_000n + BigInt(version),
        );
      }
    }
  }

  /** As aggregate merges a batch into its windows: once, on top of whatever is there; all of them are final. */
  async function merge(sequence: number, trades: readonly PlacedTrade[]): Promise<void> {
    for (const [windowStartMs, list] of Map.groupBy(trades, (one) => startOf(one.eventTimeMs, WINDOW_MS))) {
      const key = windowKey(SHARD, windowStartMs);
      const before = tables.windows.get(key) ?? null;
      const next = before !== null && isIn(before, sequence) ? before : merged(before, sequence, list);
      tables.windows.set(key, next);
      const place = { shard: SHARD, windowStartMs, isSampled, next };
      const kind = before === null ? 'final' : 'revised';
      await publish(formatCandleBatch(batchOf(place, [...next.rows.keys()], kind)));
    }
  }

  async function persist(trades: readonly PlacedTrade[]): Promise<void> {
    if (isSampled) return;
    for (const trade of trades) {
      const { table, key, wanted, timestamp } = tradeWrite(PLACE, trade, null);
      await tables.views.insert({ table, key, columns: wanted ?? {} }, timestamp ?? 0n);
    }
  }

  async function take(sequence: number, givenUpBy: PlannedBatch['givenUpBy']): Promise<void> {
    const trades = log.get(sequence) ?? [];
    if (givenUpBy !== 'persist') await persist(trades);
    if (givenUpBy === null || givenUpBy === 'persist') await merge(sequence, trades);
    if (givenUpBy === null) return;
    waiting.add(sequence);
    letters.push({
      partition: 0,
      offset: sequence,
      attributes: { ...letterOf(sequence), knativeerrordest: `http://${givenUpBy}.kandle` },
      value: new Uint8Array(),
    });
  }

  for (const [place, { trades, place: where }] of batches.entries()) {
    const sequence = place + 1;
    const event = formatRawBatch({
      shard: SHARD,
      epoch: EPOCH,
      sequence,
      watermarkMs: BEGIN_MS + place,
      ingestTimeMs: BEGIN_MS,
      ...(isSampled ? { format: 'samples' as const } : {}),
      records: trades.map(({ symbol, atMs, price, size }, index) => ({
        id: `t${sequence}.${index}`,
        record: { s: symbol, t: BEGIN_MS + atMs, p: price, v: size },
      })),
    });
    log.set(
      sequence,
      trades.map(({ symbol, atMs, price, size }, index) => ({
        id: `t${sequence}.${index}`,
        symbol,
        eventTimeMs: BEGIN_MS + atMs,
        priceE8: BigInt(price) * 100_000_000n,
        sizeE8: BigInt(size) * 100_000_000n,
        epoch: EPOCH,
        sequence,
        index,
        isSampled,
      })),
    );
    const [home = [], away = []] = raw;
    if (where !== 'astray only') put(home, 0, event);
    if (where !== 'home') put(away, 1, event);
  }
  const last = batches.length + 1;
  const closing = { shard: SHARD, epoch: EPOCH, sequence: last, watermarkMs: BEGIN_MS + 30 * MINUTE_MS };
  put(raw[0] ?? [], 0, formatRawBatch({ ...closing, ingestTimeMs: BEGIN_MS, records: [] }));
  for (const [place, { givenUpBy }] of batches.entries()) await take(place + 1, givenUpBy);

  async function apply(steps: Parameters<typeof repair>[1]): Promise<RepairSummary> {
    const changes: Change[] = [];
    repairs.push(changes);
    return repair(
      {
        views: tables.views,
        writeWindow: (plan) => tables.writeWindow(plan),
        candlesTopic: 'candles',
        producer: { send: (_, events) => publish(events) },
        log: {
          name: String(repairs.length),
          write(change) {
            changes.push(change);
            return Promise.resolve();
          },
        },
        wallMs,
        onProgress: () => undefined,
      },
      steps,
    );
  }

  return {
    tables,
    wallMs,
    waiting: () => [...waiting],
    async redrive(sequence) {
      waiting.delete(sequence);
      const entry = { partition: 0, offset: String(sequence), id: letterOf(sequence).id };
      redriven.add({ value: Buffer.from(JSON.stringify(entry)) });
      const trades = log.get(sequence) ?? [];
      await persist(trades);
      await merge(sequence, trades);
    },
    async audit() {
      const dead = createDeadLetters(redriven);
      for (const letter of letters) dead.add(letter);
      const rawRanges = raw.map((topic, partition) => ({ partition, from: 0, to: topic.length }));
      const reader = readerOf(raw);
      const shards: Run['shards'] = new Map();
      const run: Run = {
        flow: NO_FLOW,
        scope: { feed: null, sinceMs: null, untilMs: null },
        horizonMs: 15 * MINUTE_MS,
        graceMs: 2_000,
        maxHeldTrades: 10_000,
        logIndex: await readLogIndex(reader, rawRanges),
        hasLostRecords: false,
        stored: tables.stored,
        dead,
        reached: { windows: () => true, trades: () => true, candles: () => true },
        index: tables.index(),
        lookedAt: createLookedAt(),
        differences: createDifferences(),
        doubts: createDoubts(() => shards.keys()),
        isWanted: () => true,
        onWindow: () => undefined,
        shards,
        gaps: [],
      };
      const ofCandles = {
        reader: readerOf([candles, []]),
        ranges: [
          { partition: 0, from: 0, to: candles.length },
          { partition: 1, from: 0, to: 0 },
        ],
        isSplitAlike: true,
      };
      for (const range of rawRanges)
        if (range.to > 0) await auditPartition(run, { reader, range }, ofCandles);
      return { run, findings: run.differences.findings() };
    },
    async repair({ run }) {
      return apply(
        await planRepair(
          run.differences.wrongs(),
          tables.stored,
          run.doubts,
          (shard) => run.shards.get(shard)?.isSampled === true,
        ),
      );
    },
    async undo() {
      const newest = repairs.findLast((changes) => changes.length > 0) ?? [];
      return apply(await planUndo(newest, tables.stored));
    },
    trades(isTaken) {
      const taken = [...log].filter(([sequence]) => isTaken(sequence)).flatMap(([, trades]) => trades);
      return Map.groupBy(taken, ({ eventTimeMs }) => startOf(eventTimeMs, WINDOW_MS));
    },
  };
}

const NO_FLOW: Run['flow'] = {
  rawTopic: '',
  tradesTopic: '',
  candlesTopic: '',
  rejectsTopic: '',
  deadTopic: '',
  redrivenTopic: '',
  groups: null,
};

function letterOf(sequence: number): { readonly id: string; readonly type: string } {
  return { id: batchIdOf(SHARD, { epoch: EPOCH, sequence }), type: 'io.kandle.trades.v1' };
}

function readerOf(partitions: readonly (readonly TopicEvent[])[]): TopicReader {
  return {
    async read({ partition, from, to }, take) {
      for (const event of partitions[partition]?.slice(from, to) ?? []) await take(event);
    },
    close: () => Promise.resolve(),
  };
}

function isIn({ applied }: StoredWindow, sequence: number): boolean {
  try {
    return hasSequence(readSequences(applied), { epoch: EPOCH, sequence });
  } catch {
    return false;
  }
}

function merged(before: StoredWindow | null, sequence: number, trades: readonly PlacedTrade[]): StoredWindow {
  const version = before === null ? 2 : before.version + 1;
  const rows = new Map(before?.rows);
  for (const [symbol, row] of expectedWindow(trades).rows) {
    const known = rows.get(symbol);
    rows.set(symbol, {
      symbol,
      rowVersion: before === null ? 1 : version,
      revision: before === null ? 0 : (known?.revision ?? -1) + 1,
      reason: before === null ? '' : 'late_trade',
      columns: known === undefined ? expectedColumns(row) : sumOf(known.columns, expectedColumns(row)),
    } satisfies StoredRow);
  }
  const batches = before === null ? [] : [...batchesOf(readSequences(before.applied))];
  return {
    version,
    finalVersion: before === null ? version : before.finalVersion,
    incompleteVersion: before?.incompleteVersion ?? 0,
    applied: writeSequences([...batches, { epoch: EPOCH, sequence }]),
    minOffset: null,
    rows,
  };
}

/** The row of the trades of two. */
function sumOf(a: Columns, b: Columns): Columns {
  const big = (cell: Cell | undefined): bigint => BigInt(cell ?? 0);
  const keyOf = (columns: Columns, name: string): readonly number[] =>
    String(columns[name]).split(':').map(Number);
  const isBefore = (x: readonly number[], y: readonly number[]): boolean => {
    const at = x.findIndex((part, place) => part !== y[place]);
    return at >= 0 && (x[at] ?? 0) < (y[at] ?? 0);
  };
  const first = isBefore(keyOf(a, 'first_key'), keyOf(b, 'first_key')) ? a : b;
  const last = isBefore(keyOf(a, 'last_key'), keyOf(b, 'last_key')) ? b : a;
  const sum = (name: string): bigint => big(a[name]) + big(b[name]);
  const [highA, highB, lowA, lowB] = [
    big(a['high_e8']),
    big(b['high_e8']),
    big(a['low_e8']),
    big(b['low_e8']),
  ];
  return {
    first_key: first['first_key'] ?? null,
    last_key: last['last_key'] ?? null,
    open_e8: first['open_e8'] ?? null,
    high_e8: highA > highB ? highA : highB,
    low_e8: lowA < lowB ? lowA : lowB,
    close_e8: last['close_e8'] ?? null,
    volume_e8: sum('volume_e8'),
    notional_e16: sum('notional_e16'),
    price_sum_e8: sum('price_sum_e8'),
    trade_count: Number(a['trade_count']) + Number(b['trade_count']),
    id_hash_sum: BigInt.asUintN(64, sum('id_hash_sum')),
  };
}
