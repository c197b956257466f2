import { newestOfCandles, newestOfIndicators, newestOfTrades } from '@kandle/market/sink/newest';
import { readSinkEvent } from '@kandle/market/sink/sink-event';
import type { Counter } from '@kandle/runtime/metrics';
import { parseOrPoison } from '@kandle/runtime/parse';
import type { ReceivedEvent } from '@kandle/runtime/received-event';
import type { NewestStore } from './store.ts';

const CONTENT = { trades: newestOfTrades, candles: newestOfCandles, indicators: newestOfIndicators };

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
    const content = parseOrPoison(event.type, () => readSinkEvent(event, CONTENT));
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
