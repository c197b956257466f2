import type { PublishedCandle } from '@kandle/market/candle/candle-batch';
import { isFinal } from '@kandle/market/window/window-state';
import type { Stores } from './faulty-stores.ts';
import { HORIZON_MS, type RawEvent } from './raw-log.ts';
import type { PublishedEvent } from './schedule.ts';

/** Plain numbers of a candle, to compare by. */
interface Numbers {
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
  readonly count: number;
  readonly lastTradeMs: number;
}

interface PlacedTrade {
  readonly symbol: string;
  readonly order: readonly [eventTimeMs: number, epoch: number, sequence: number, index: number];
  readonly price: number;
  readonly size: number;
  /** 0 for every price, 1 for high and low, 2 for none, 3 for a price update. */
  readonly rank: number;
}

/**
 * What is wrong with the outcome of a schedule, in words; empty when nothing is. Judged from the raw log alone
 * by a reading that shares no code with the windows: sort the trades, look at the first, the last and the
 * extremes.
 */
export async function judge(
  shard: string,
  raw: readonly RawEvent[],
  { windows, shards }: Stores,
  published: readonly PublishedEvent[],
): Promise<readonly string[]> {
  const faults = new Set<string>();
  const newest = newestCandles(published);
  const placed = placedTrades(raw);
  for (const [windowStartMs, trades] of placed) {
    const window = await windows.read({ shard, windowStartMs });
    if (!isFinal(window)) faults.add('WINDOW_NOT_CLOSED');
    const symbols = new Set(trades.map((trade) => trade.symbol));
    if (window.rows.size > symbols.size) faults.add('CANDLE_FROM_NOTHING');
    const complete = !isInGap(raw, windowStartMs);
    if ((window.incompleteVersion === 0) !== complete) faults.add('COMPLETE_WRONG');
    for (const symbol of symbols) {
      const expected = JSON.stringify(numbersOf(trades.filter((trade) => trade.symbol === symbol)));
      const row = window.rows.get(symbol);
      const stored =
        row && JSON.stringify(toNumbers({ ...row.candle, lastTradeMs: row.candle.lastKey.eventTimeMs }));
      if (stored !== expected) faults.add(stored === undefined ? 'TRADE_LOST' : 'WINDOW_WRONG');
      const candle = newest.get(`${windowStartMs}|${symbol}`);
      if (candle === undefined) faults.add('NEVER_PUBLISHED');
      else if (candle.state === 'provisional') faults.add('LAST_EVENT_PROVISIONAL');
      else if (JSON.stringify(toNumbers(candle)) !== expected) faults.add('LAST_EVENT_WRONG');
      else if (candle.complete !== complete) faults.add('LAST_EVENT_COMPLETE_WRONG');
    }
  }
  if (published.some(({ batch }) => !placed.has(batch.windowStartMs))) faults.add('CANDLE_FROM_NOTHING');
  const starts = [
    ...placed.keys(),
    ...raw.flatMap((event) => (event.kind === 'gap' ? [event.gap.fromMs] : [])),
  ];
  for (const startMs of await windows.written(
    shard,
    Math.min(...starts) - 10_000,
    Math.max(...starts) + 60_000,
  )) {
    if (!placed.has(startMs)) faults.add('WINDOW_FROM_NOTHING');
  }
  if ((await shards.read(shard)).open.length > 0) faults.add('SHARD_STAYS_OPEN');
  for (const fault of contradictions(published)) faults.add(fault);
  return [...faults];
}

/** True if a gap holds a millisecond of the window. */
function isInGap(raw: readonly RawEvent[], windowStartMs: number): boolean {
  return raw.some((event) => {
    if (event.kind !== 'gap') return false;
    const { fromMs, toMs } = event.gap;
    const inside = (ms: number): boolean => windowStartMs <= ms && ms < windowStartMs + 5_000;
    return inside(fromMs) || inside(toMs) || (fromMs < windowStartMs && windowStartMs < toMs);
  });
}

/**
 * The trades that count, once each, by window. A trade is too late by what was known before its batch, or by
 * its own batch's watermark where that does not say; a delayed one by so much less.
 */
function placedTrades(raw: readonly RawEvent[]): ReadonlyMap<number, readonly PlacedTrade[]> {
  const windows = new Map<number, PlacedTrade[]>();
  for (const event of raw) {
    if (event.kind !== 'batch') continue;
    const { batch } = event;
    const knownMs = batch.watermarkBeforeMs ?? batch.watermarkMs;
    for (const [index, { record, delayMs = 0 }] of batch.records.entries()) {
      const eventTimeMs = Number(record['t']);
      const rank = rankOf(record, batch.rules);
      if (eventTimeMs < knownMs - delayMs - HORIZON_MS || rank === null) continue;
      const startMs = eventTimeMs - (eventTimeMs % 5_000);
      const trade: PlacedTrade = {
        symbol: String(record['s']),
        order: [eventTimeMs, batch.epoch, batch.sequence, index],
        price: Number(record['p']),
        size: Number(record['v']),
        rank,
      };
      windows.set(startMs, [...(windows.get(startMs) ?? []), trade]);
    }
  }
  return windows;
}

/** By the few codes that the schedules have; null for what is in no candle. */
function rankOf({ c, v }: Readonly<Record<string, unknown>>, rules: unknown): number | null {
  if (rules === undefined) return v === 0 ? null : 0;
  const codes = rules === 'us-tape' && Array.isArray(c) ? c : [];
  if (codes.includes('16')) return null;
  if (v === 0) return 3;
  if (codes.includes('12')) return 2;
  return codes.includes('30') ? 1 : 0;
}

function numbersOf(all: readonly PlacedTrade[]): Numbers {
  const isTraded = all.some(({ rank }) => rank < 3);
  const trades = all.filter(({ rank }) => rank < 3 === isTraded);
  const best = Math.min(...trades.map(({ rank }) => rank));
  const sorted = trades.toSorted((a, b) => {
    const place = a.order.findIndex((part, n) => part !== b.order[n]);
    return (a.order[place] ?? 0) - (b.order[place] ?? 0);
  });
  const priced = sorted.filter(({ rank }) => rank === best);
  const prices = priced.map((trade) => trade.price);
  const range = sorted.filter(({ rank }) => rank === best || rank + best === 1).map((trade) => trade.price);
  return {
    open: prices.at(0) ?? 0,
    high: Math.max(...range),
    low: Math.min(...range),
    close: prices.at(-1) ?? 0,
    volume: sorted.reduce((sum, trade) => sum + trade.size, 0),
    count: sorted.length,
    lastTradeMs: priced.at(-1)?.order[0] ?? 0,
  };
}

type CandleNumbers = Pick<
  PublishedCandle,
  'openE8' | 'highE8' | 'lowE8' | 'closeE8' | 'volumeE8' | 'tradeCount' | 'lastTradeMs'
>;

function toNumbers(candle: CandleNumbers): Numbers {
  const plain = (e8: bigint): number => Number(e8) / 1e8;
  return {
    open: plain(candle.openE8),
    high: plain(candle.highE8),
    low: plain(candle.lowE8),
    close: plain(candle.closeE8),
    volume: plain(candle.volumeE8),
    count: candle.tradeCount,
    lastTradeMs: candle.lastTradeMs,
  };
}

/** What a consumer ends with: the highest version of each candle. */
function newestCandles(published: readonly PublishedEvent[]): ReadonlyMap<string, PublishedCandle> {
  const newest = new Map<string, PublishedCandle>();
  for (const { batch } of published) {
    for (const candle of batch.candles) {
      const key = `${batch.windowStartMs}|${candle.symbol}`;
      if ((newest.get(key)?.version ?? 0) < candle.version) newest.set(key, candle);
    }
  }
  return newest;
}

/** One id, one content; one version of a candle, one content. */
function contradictions(published: readonly PublishedEvent[]): ReadonlySet<string> {
  const faults = new Set<string>();
  const byId = new Map<string, string>();
  const byVersion = new Map<string, string>();
  for (const { id, text, batch } of published) {
    if ((byId.get(id) ?? text) !== text && batch.kind !== 'provisional') faults.add('ONE_ID_TWO_CONTENTS');
    byId.set(id, text);
    for (const candle of batch.candles) {
      const key = `${batch.windowStartMs}|${candle.symbol}|${candle.version}`;
      const { state, revision, reason, complete } = candle;
      const content = JSON.stringify([state, revision, reason, complete, toNumbers(candle)]);
      if ((byVersion.get(key) ?? content) !== content) faults.add('ONE_VERSION_TWO_CONTENTS');
      byVersion.set(key, content);
    }
  }
  return faults;
}
