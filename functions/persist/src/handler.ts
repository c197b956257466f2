import { parseCandleBatch } from '@kandle/market/candle/candle-batch';
import { cleanBooks, cleanNews } from '@kandle/market/feed/clean-books-and-news';
import { parseRawBatch, type RawBatch } from '@kandle/market/feed/raw-batch';
import { parseFeedGap } from '@kandle/market/feed/feed-gap';
import { parseIndicatorBatch } from '@kandle/market/indicator/indicator-batch';
import { parseInstrument, parseListOutcome } from '@kandle/market/instrument/instrument-events';
import { checkedFeedOf } from '@kandle/market/event/shard';
import { parseSignalBatch } from '@kandle/market/signal/signal-batch';
import { EVENT_TYPES } from '@kandle/market/event/topics';
import { cleanBatch } from '@kandle/market/trade/clean-trades';
import { PoisonError } from '@kandle/runtime/errors';
import type { Counter } from '@kandle/runtime/metrics';
import { parseOrPoison } from '@kandle/runtime/parse';
import type { ReceivedEvent } from '@kandle/runtime/received-event';
import { bookRows } from './views/book-rows.ts';
import { candleRows } from './views/candle-rows.ts';
import { gapRows } from './views/gap-rows.ts';
import { instrumentListRows, instrumentRows } from './views/instrument-rows.ts';
import { newsRows } from './views/news-rows.ts';
import type { ClosedCandles, Rollups } from './rollups/rollups.ts';
import { indicatorRows, signalRows } from './views/signal-rows.ts';
import { tradeRows } from './views/trade-rows.ts';
import { type PartitionRows, type RowOf, shapeOf, type ViewName, type Views } from './views/view-rows.ts';

/** What the persist function needs. */
export interface PersistDeps {
  readonly views: Views;
  /** Absent where candles are not rolled up. */
  readonly rollups?: Pick<Rollups, 'note'>;
  /** How far behind its batch's watermark a trade may be and still count: the same as transform's. */
  readonly horizonMs: number;
  /** Rows written, by view. */
  readonly rows: Counter;
}

/** The event types that persist takes. */
export const PERSISTED_TYPES = [
  EVENT_TYPES.rawTrades,
  EVENT_TYPES.rawBooks,
  EVENT_TYPES.rawNews,
  EVENT_TYPES.feedGap,
  EVENT_TYPES.candles,
  EVENT_TYPES.indicators,
  EVENT_TYPES.signals,
  EVENT_TYPES.instrument,
  EVENT_TYPES.instrumentList,
] as const;

/**
 * Builds the function that writes an event's rows to the views. Resolves when they are durable, and so is the
 * note of the candles to be rolled up; the same event again, or events in another order, leave the same rows.
 */
export function createPersist(deps: PersistDeps): (event: ReceivedEvent) => Promise<void> {
  return async function persist(event) {
    const partitions = rowsOf(event, deps.horizonMs);
    await deps.views.write(partitions);
    for (const [view, count] of countByView(partitions)) deps.rows.add(count, { view });
    const closed = closedCandles(event, partitions);
    if (closed !== null) await deps.rollups?.note(closed);
  };
}

/**
 * The rows of an event, by partition. Raw batches are cleaned here by the same pure function as transform's: a
 * trade's row need not wait for the clean batch.
 *
 * @throws {PoisonError} If the data is malformed or does not fit the views.
 */
export function rowsOf(event: ReceivedEvent, horizonMs: number): readonly PartitionRows[] {
  switch (event.type) {
    case EVENT_TYPES.rawTrades:
      return parseOrPoison('raw batch', () => tradeRows(cleanBatch(rawBatch(event), horizonMs).batch));
    case EVENT_TYPES.rawBooks:
      return parseOrPoison('raw batch', () => bookRows(cleanBooks(rawBatch(event)).batch));
    case EVENT_TYPES.rawNews:
      return parseOrPoison('raw batch', () => newsRows(cleanNews(rawBatch(event)).batch));
    case EVENT_TYPES.candles:
      return parseOrPoison('candle batch', () => candleRows(withFeed(parseCandleBatch(event.data))));
    case EVENT_TYPES.feedGap:
      return parseOrPoison('feed gap', () => gapRows(withFeed(parseFeedGap(event.data))));
    case EVENT_TYPES.indicators:
      return parseOrPoison('indicator batch', () => indicatorRows(withFeed(parseIndicatorBatch(event.data))));
    case EVENT_TYPES.signals:
      return parseOrPoison('signal batch', () => signalRows(withFeed(parseSignalBatch(event.data))));
    case EVENT_TYPES.instrument:
      return parseOrPoison('instrument', () => instrumentRows(parseInstrument(event.data)));
    case EVENT_TYPES.instrumentList:
      return parseOrPoison('list of instruments', () => instrumentListRows(parseListOutcome(event.data)));
    default:
      throw new PoisonError('Cannot persist the event: its type is not one of persist');
  }
}

function rawBatch({ attributes, data }: ReceivedEvent): RawBatch {
  return parseRawBatch(attributes, data);
}

/** The closed candles among an event's rows: those of which every version is kept. */
function closedCandles(event: ReceivedEvent, partitions: readonly PartitionRows[]): ClosedCandles | null {
  if (event.type !== EVENT_TYPES.candles) return null;
  const closed = partitions.flat().filter((row): row is RowOf<'candle_revisions'> => {
    return row.view === 'candle_revisions';
  });
  const [first] = closed;
  if (first === undefined) return null;
  return {
    shard: String(first.columns.shard),
    feed: String(first.columns.feed),
    event: event.id,
    windowStartMs: Number(first.columns.start),
    symbols: closed.map(({ columns }) => String(columns.symbol)),
  };
}

function countByView(partitions: readonly PartitionRows[]): ReadonlyMap<string, number> {
  const views = new Map<ViewName, number>();
  for (const rows of partitions) for (const { view } of rows) views.set(view, (views.get(view) ?? 0) + 1);
  const tables = new Map<string, number>();
  for (const [view, count] of views) {
    const { table = view } = shapeOf(view);
    tables.set(table, (tables.get(table) ?? 0) + count);
  }
  return tables;
}

/** The same, if its shard names a feed: `finnhub-03`. */
function withFeed<T extends { readonly shard: string }>(data: T): T {
  checkedFeedOf(data.shard);
  return data;
}
