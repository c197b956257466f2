import { setTimeout as sleep } from 'node:timers/promises';
import { WINDOW_MS } from '@kandle/market/window/window';
import { bucketOf } from '@kandle/market/view/buckets';
import { priceOf, sizeOf } from '@kandle/feeds/simulator/frame-text';
import type { Pipeline } from '@kandle/stand-in/pipeline';
import type { SimulatedTrade } from '@kandle/feeds/simulator/market';

/** How long it took from a trade on the feed's line to its row, and from a window's end to its final candle. */
export interface Delays {
  readonly tradeMs: readonly number[];
  readonly finalCandleMs: readonly number[];
  /** Trades and windows that were waited for in vain. */
  readonly missing: number;
}

/** A look is a read of Cassandra, which is measured beside: every 10 ms they were a tenth of what it used. */
const TRADE_POLL_MS = 20;
/** Closer would say no more: a candle comes after seconds. With 20 ms it was two thirds of all reads. */
const CANDLE_POLL_MS = 100;
/** A window is closed no earlier than this after its end, a second of disorder and two of grace. */
const GRACE_MS = 3_000;
const GIVE_UP_MS = 30_000;

/** Samples delays from the outside: what the feed sends, against what a reader of the views sees. */
export function createDelayProbe(client: Pipeline['client'], keyspace: string, options: { everyMs: number }) {
  const delays = { tradeMs: [] as number[], finalCandleMs: [] as number[], missing: 0 };
  const tradeQuery = `SELECT price, size FROM ${keyspace}.trades WHERE feed = 'sim' AND shard = ? AND bucket = ? AND symbol = ? AND time = ?`;
  const candleQuery = `SELECT state FROM ${keyspace}.candles_5s WHERE feed = 'sim' AND shard = ? AND bucket = ? AND symbol = ? AND start = ?`;
  const shardQuery = `SELECT shard FROM ${keyspace}.latest WHERE feed = 'sim' AND symbol = ?`;
  const shards = new Map<string, string>();
  let dueMs = 0;
  let windowDueMs = 0;
  let stopped = false;

  async function until(isThere: () => Promise<boolean>, everyMs: number): Promise<boolean> {
    const endMs = performance.now() + GIVE_UP_MS;
    const isWanted = (): boolean => !stopped && performance.now() < endMs;
    while (isWanted()) {
      if (await isThere()) return true;
      await sleep(everyMs);
    }
    if (!stopped) delays.missing += 1;
    return false;
  }

  /** Null while nothing of the symbol is stored. */
  async function shardOf(symbol: string): Promise<string | null> {
    const known = shards.get(symbol);
    if (known !== undefined) return known;
    const shard: unknown = (await client.execute(shardQuery, [symbol], { prepare: true })).rows[0]?.['shard'];
    if (typeof shard !== 'string') return null;
    shards.set(symbol, shard);
    return shard;
  }

  async function isVisible(trade: SimulatedTrade): Promise<boolean> {
    const { eventTimeMs, instrument } = trade;
    const shard = await shardOf(instrument.symbol);
    if (shard === null) return false;
    const bucket = new Date(bucketOf('trades', eventTimeMs));
    const params = [shard, bucket, instrument.symbol, new Date(eventTimeMs)];
    const { rows } = await client.execute(tradeQuery, params, { prepare: true });
    // Doubles that were rounded to 1e-8 on the way.
    const isNear = (a: number, b: number): boolean => Math.abs(a - b) < 1e-7;
    return rows.some((row) => isNear(row['price'], priceOf(trade)) && isNear(row['size'], sizeOf(trade)));
  }

  async function followTrade(trade: SimulatedTrade, sentMs: number): Promise<void> {
    // A twin of the same price, size and millisecond may be there already: nothing can be learnt from that one.
    if (await isVisible(trade)) return;
    if (await until(() => isVisible(trade), TRADE_POLL_MS)) delays.tradeMs.push(performance.now() - sentMs);
  }

  async function followWindow({ instrument, eventTimeMs }: SimulatedTrade): Promise<void> {
    const startMs = eventTimeMs - (eventTimeMs % WINDOW_MS);
    const endMs = startMs + WINDOW_MS;
    await sleep(Math.max(0, endMs + GRACE_MS - Date.now()));
    const bucket = new Date(bucketOf('candles_5s', startMs));
    const isFinal = async (): Promise<boolean> => {
      const params = [await shardOf(instrument.symbol), bucket, instrument.symbol, new Date(startMs)];
      if (params[0] === null) return false;
      return (await client.execute(candleQuery, params, { prepare: true })).rows[0]?.['state'] === 'final';
    };
    if (await until(isFinal, CANDLE_POLL_MS)) delays.finalCandleMs.push(Date.now() - endMs);
  }

  return {
    delays: (): Delays => delays,
    /** To be told of each frame when it is sent. */
    onFrame(trades: readonly SimulatedTrade[]): void {
      const trade = trades.at(-1);
      const nowMs = performance.now();
      if (trade === undefined || stopped || nowMs < dueMs) return;
      dueMs = nowMs + options.everyMs;
      const ignore = (): void => undefined;
      followTrade(trade, nowMs).catch(ignore);
      if (nowMs < windowDueMs) return;
      windowDueMs = nowMs + WINDOW_MS;
      followWindow(trade).catch(ignore);
    },
    stop(): void {
      stopped = true;
    },
  };
}
