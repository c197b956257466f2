import { e16, e8 } from '@kandle/market/number/fixed-point';
import { formatCandleBatch, type PublishedCandle } from '@kandle/market/candle/candle-batch';
import { type DataKind, formatRawBooksOrNews } from '@kandle/market/feed/books-and-news';
import type { MarketEvent } from '@kandle/market/event/market-event';
import type { ReceivedEvent } from '@kandle/runtime/received-event';
import { formatRawTrades } from '@kandle/testkit/raw-trades';
import { rowsOf as rowsWithin } from '../src/handler.ts';
import { VIEWS, type ViewRow, type ViewValue } from '../src/views/view-rows.ts';

/** When the window of these events begins. */
export const W0 = 1_700_000_000_000;
export const HEADER = { shard: 'sim-03', epoch: 1, sequence: 1, watermarkMs: 0, ingestTimeMs: W0 };
export const HORIZON_MS = 900_000;

/** The rows of an event, by the horizon of these tests. */
export const rowsOf = (event: ReceivedEvent) => rowsWithin(event, HORIZON_MS);

/** An event as persist receives it. */
export function received(event: MarketEvent): ReceivedEvent {
  return {
    ...event,
    attributes: event.extensions,
    data: JSON.parse(JSON.stringify(event.data)),
    offset: null,
  };
}

/** Trades of the symbol A of half a piece each. */
export function tradesEvent(
  sequence: number,
  trades: readonly { id: string; timeMs: number; price: bigint }[],
  epoch = 1,
) {
  return received(
    formatRawTrades({
      shard: 'finnhub-03',
      epoch,
      sequence,
      watermarkMs: W0,
      ingestTimeMs: W0,
      trades: trades.map(({ id, timeMs, price }) => ({
        id,
        symbol: 'A',
        eventTimeMs: timeMs,
        priceE8: e8(price),
        sizeE8: e8(50_000_000n),
      })),
    }),
  );
}

/** A candle of the symbol A. */
export function candle(
  version: number,
  state: PublishedCandle['state'],
  close = 100_000_000n,
): PublishedCandle {
  const life = { revision: 0, reason: null, complete: true, lastTradeMs: W0 + 4_000 };
  const counts = { ...life, tradeCount: 2, volumeE8: e8(200_000_000n) };
  const prices = { openE8: e8(100_000_000n), highE8: e8(close), lowE8: e8(100_000_000n), closeE8: e8(close) };
  return {
    symbol: 'A',
    version,
    state,
    ...counts,
    ...prices,
    notionalE16: e16(20_000_000_000_000_000n),
    priceSumE8: e8(300_000_000n),
  };
}

/** The event of one candle. */
export function candlesEvent(
  version: number,
  state: PublishedCandle['state'],
  close?: bigint,
): ReceivedEvent {
  const [event] = formatCandleBatch({
    shard: 'finnhub-03',
    windowStartMs: W0,
    windowMs: 5_000,
    kind: state,
    version,
    candles: [candle(version, state, close)],
  });
  if (event === undefined) throw new Error('no event');
  return received(event);
}

/** Order books as a feed sends them. */
export function booksEvent(...records: readonly Readonly<Record<string, unknown>>[]): ReceivedEvent {
  return rawEvent('books', W0, records);
}

/** A piece of news of the symbol A as a feed sends it. */
export function newsEvent(ingestTimeMs: number, record: Readonly<Record<string, unknown>>): ReceivedEvent {
  return rawEvent('news', ingestTimeMs, [
    { id: 5, datetime: W0 / 1_000, headline: 'x', related: 'A', ...record },
  ]);
}

function rawEvent(
  kind: DataKind,
  ingestTimeMs: number,
  records: readonly Readonly<Record<string, unknown>>[],
): ReceivedEvent {
  const batch = { ...HEADER, ingestTimeMs, records: records.map((record) => ({ id: 'x', record })) };
  return received(formatRawBooksOrNews(kind, batch));
}

type Columns = Readonly<Record<string, ViewValue>>;

/** What Cassandra keeps of rows: by primary key the one with the largest timestamp, the later one of equals. */
export function table(rows: readonly ViewRow[]): ReadonlyMap<string, Columns> {
  const kept = new Map<string, ViewRow>();
  for (const row of rows) {
    const columns: Columns = row.columns;
    const names = VIEWS[row.view].columns.slice(0, VIEWS[row.view].keyColumns);
    const key = JSON.stringify([row.view, ...names.map((name) => columns[name])]);
    const before = kept.get(key);
    if (before === undefined || row.timestamp >= before.timestamp) kept.set(key, row);
  }
  const sorted = [...kept].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return new Map(sorted.map(([key, { columns }]) => [key, columns]));
}
