import { createWindowStore } from '@kandle/aggregate/cassandra-stores';
import { type Applied, formatApplied } from '@kandle/market/window/applied';
import type { Candle } from '@kandle/market/candle/candle';
import { foldTrades } from '@kandle/market/candle/fold';
import type { MarketEvent } from '@kandle/market/event/market-event';
import { parseRawBatch } from '@kandle/market/feed/raw-batch';
import { formatTradeKey } from '@kandle/market/trade/trade';
import type { TradeBatch } from '@kandle/market/trade/trade-batch';
import { mergeBatch, type WindowState } from '@kandle/market/window/window-state';
import { cleanBatch } from '@kandle/market/trade/clean-trades';
import { type Client, types } from 'cassandra-driver';
import { BEGIN_MS, EPOCH } from './small-market.ts';
import { HORIZON_MS } from './small-pipeline.ts';

/** Where the damage is done: windows of AAPL in the shard test-00, by their number. */
const SHARD = 'test-00';
const TRADES_BUCKET_MS = 30_000;
const CANDLES_BUCKET_MS = 600_000;

/** Damages what the pipeline stored, as an operator, a bug or a lost write would. */
export interface Damage {
  /** Runs a statement. */
  cql(query: string, ...params: readonly unknown[]): Promise<readonly types.Row[]>;
  /** When window n begins, the buckets of its trades and its candles, and its day, as Cassandra takes them. */
  start(n: number): Date;
  tradesBucket(n: number): Date;
  candlesBucket(n: number): Date;
  day(n: number): types.LocalDate;
  /** The first trade of AAPL in window n. */
  firstTrade(n: number): Promise<types.Row>;
  /** Changes window n by a transaction, as aggregate would write it. */
  change(n: number, change: (window: WindowState) => WindowState): Promise<void>;
  /** Takes `symbols` of window n for text and puts other text into it, by a transaction. */
  scribble(n: number, change: (symbols: string) => string): Promise<void>;
  /** Writes window n as it was before its symbols stood in one text: a row for each. */
  oldForm(n: number): Promise<void>;
  /** A batch that has trades in window n. */
  batchOf(n: number): TradeBatch;
  /** Merges a batch that is in the window already once more. */
  mergeAgain(window: WindowState, batch: TradeBatch, n: number): WindowState;
}

/** @param events What went into the raw topic. */
export function createDamage(client: Client, events: readonly MarketEvent[]): Damage {
  const windows = createWindowStore(client);
  const start = (n: number): Date => new Date(BEGIN_MS + n * 5_000);
  const bucket = (n: number, lengthMs: number): Date =>
    new Date(start(n).getTime() - (start(n).getTime() % lengthMs));
  const tradesBucket = (n: number): Date => bucket(n, TRADES_BUCKET_MS);
  const cql: Damage['cql'] = async (query, ...params) =>
    (await client.execute(query, [...params], { prepare: true })).rows;
  const batches = events
    .filter(({ key, extensions }) => key === SHARD && extensions['sequence'] !== undefined)
    .map(({ extensions, data }) => cleanBatch(parseRawBatch(extensions, data), HORIZON_MS).batch);
  const foldedAt = (batch: TradeBatch, n: number) =>
    foldTrades(batch.trades, batch).get(start(n).getTime()) ?? new Map();
  return {
    cql,
    start,
    tradesBucket,
    candlesBucket: (n) => bucket(n, CANDLES_BUCKET_MS),
    day: (n) => types.LocalDate.fromDate(start(n)),
    async firstTrade(n) {
      const [row] = await cql(
        "SELECT * FROM trades WHERE feed = 'test' AND shard = 'test-00' AND bucket = ? AND symbol = 'AAPL' AND time >= ? AND time < ?",
        tradesBucket(n),
        start(n),
        start(n + 1),
      );
      if (row === undefined) throw new Error(`Window ${n} has no trade of AAPL`);
      return row;
    },
    async change(n, change) {
      const key = { shard: SHARD, windowStartMs: start(n).getTime() };
      if ((await windows.compareAndSet(key, change(await windows.read(key)), 'all')) !== 'applied')
        throw new Error('The change was lost');
    },
    async scribble(n, change) {
      const [row] = await cql(
        'SELECT symbols FROM windows WHERE shard = ? AND window_start = ?',
        SHARD,
        start(n),
      );
      const symbols = change(String(row?.['symbols']));
      await cql(
        'UPDATE windows SET symbols = ? WHERE shard = ? AND window_start = ? IF version > 0',
        symbols,
        SHARD,
        start(n),
      );
    },
    async oldForm(n) {
      const { rows, applied } = await windows.read({ shard: SHARD, windowStartMs: start(n).getTime() });
      const statements = [...rows].map(([symbol, row]) => {
        const columns = Object.entries(oldColumns(row));
        const set = columns.map(([name]) => `${name} = ?`).join(', ');
        return {
          query: `UPDATE windows SET ${set} WHERE shard = ? AND window_start = ? AND symbol = ?`,
          params: [...columns.map(([, value]) => value), SHARD, start(n), symbol],
        };
      });
      const query =
        'UPDATE windows SET applied = ?, symbols = null WHERE shard = ? AND window_start = ? IF version > 0';
      const header = { query, params: [formatApplied(applied), SHARD, start(n)] };
      await client.batch([header, ...statements], { prepare: true });
    },
    batchOf(n) {
      const batch = batches.find((each) => foldedAt(each, n).has('AAPL'));
      if (batch === undefined) throw new Error(`No batch has a trade of AAPL in window ${n}`);
      return batch;
    },
    mergeAgain: (window, batch, n) =>
      mergeBatch(
        { ...window, applied: without(window.applied, batch.sequence) },
        { ...batch, offset: null },
        foldedAt(batch, n),
      ).next,
  };
}

type WindowRow = WindowState['rows'] extends ReadonlyMap<string, infer Row> ? Row : never;

/** The columns of a symbol's row in the old form. */
function oldColumns({ candle, version, revision, reason }: WindowRow) {
  return {
    row_version: version,
    revision,
    reason: reason ?? '',
    first_key: formatTradeKey(candle.firstKey),
    last_key: formatTradeKey(candle.lastKey),
    open_e8: candle.openE8,
    high_e8: candle.highE8,
    low_e8: candle.lowE8,
    close_e8: candle.closeE8,
    volume_e8: candle.volumeE8,
    notional_e16: candle.notionalE16,
    price_sum_e8: candle.priceSumE8,
    trade_count: candle.tradeCount,
    id_hash_sum: candle.idHashSum,
  };
}

/** A window's next version, in which a symbol's candle is another. */
export function withCandle(window: WindowState, symbol: string, change: Partial<Candle>): WindowState {
  const rows = [...window.rows].map(([name, row]) => {
    const candle = { ...row.candle, ...(name === symbol ? change : {}) };
    return [candle.symbol, { ...row, candle }] as const;
  });
  return { ...window, version: window.version + 1, rows: new Map(rows) };
}

/** A set of batches of the small market's one epoch without one of them. */
export function without(applied: Applied, sequence: number): Applied {
  const ranges = (applied.get(EPOCH) ?? []).flatMap(([first, last]) =>
    sequence < first || sequence > last
      ? [[first, last] as const]
      : [[first, sequence - 1] as const, [sequence + 1, last] as const].filter(([from, to]) => from <= to),
  );
  return new Map([[EPOCH, ranges]]);
}
