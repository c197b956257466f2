import { parseCandleBatch } from '@kandle/market/candle/candle-batch';
import { EVENT_TYPES } from '@kandle/market/event/topics';
import { parseIndicatorBatch } from '@kandle/market/indicator/indicator-batch';
import {
  type NewestAndRecords,
  newestOfCandles,
  newestOfIndicators,
  newestOfTrades,
} from '@kandle/market/sink/newest';
import { parseTradeBatch } from '@kandle/market/trade/trade-batch';
import type { Counter } from '@kandle/runtime/metrics';
import { parseOrPoison } from '@kandle/runtime/parse';
import type { ReceivedEvent } from '@kandle/runtime/received-event';
import type { NewestStore } from './store.ts';

/** The event types of its topics: what has no newest value is answered and left. */
export const SINK_REDIS_TYPES = [
  EVENT_TYPES.trades,
  EVENT_TYPES.candles,
  EVENT_TYPES.indicators,
  EVENT_TYPES.signals,
  EVENT_TYPES.books,
  EVENT_TYPES.news,
  EVENT_TYPES.feedGap,
] as const;

/** What the function needs. */
export interface SinkRedisDeps {
  readonly store: NewestStore;
  /** Newest values, by kind and by whether they were newer than what was there. */
  readonly values: Counter;
  /** Records, by stream and by what became of them: added, repeated, dropped unread. */
  readonly records: Counter;
}

/**
 * Builds the function that keeps the newest price, candle and indicators of each symbol, and streams of what
 * was processed. Resolves when Redis has taken all of an event; the same event again, or an older one, changes
 * nothing.
 */
export function createSinkRedis(deps: SinkRedisDeps): (event: ReceivedEvent) => Promise<void> {
  return async function sinkRedis(event) {
    const content = contentOf(event);
    if (content === null || content.newest.length + content.records.length === 0) return;
    const { stream, newest, records } = content;
    const taken = await deps.store.take(content);
    const [first] = newest;
    if (first !== undefined) {
      deps.values.add(taken.newer, { kind: first.kind, outcome: 'newer' });
      deps.values.add(newest.length - taken.newer, { kind: first.kind, outcome: 'old' });
    }
    deps.records.add(taken.added, { stream, outcome: 'added' });
    deps.records.add(records.length - taken.added, { stream, outcome: 'repeated' });
    deps.records.add(taken.dropped, { stream, outcome: 'dropped' });
  };
}

/** @throws {PoisonError} If the data is malformed. */
function contentOf({ type, attributes, data }: ReceivedEvent): NewestAndRecords | null {
  switch (type) {
    case EVENT_TYPES.trades:
      return parseOrPoison('trade batch', () => newestOfTrades(parseTradeBatch(attributes, data)));
    case EVENT_TYPES.candles:
      return parseOrPoison('candle batch', () => newestOfCandles(parseCandleBatch(data)));
    case EVENT_TYPES.indicators:
      return parseOrPoison('indicator batch', () => newestOfIndicators(parseIndicatorBatch(data)));
    default:
      return null;
  }
}
