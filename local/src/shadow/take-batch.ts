import { EVENT_TYPES } from '@kandle/market/event/topics';
import { parseFeedGap } from '@kandle/market/feed/feed-gap';
import { parseRawBatch } from '@kandle/market/feed/raw-batch';
import { cleanBatch } from '@kandle/market/trade/clean-trades';
import type { CountingRules } from '@kandle/market/trade/counting-rules';
import { windowStartOf } from '@kandle/market/window/window';
import { parseEventData } from '@kandle/runtime/received-event';

/** What is played, and by which rules. */
export interface Played {
  readonly fromMs: number;
  readonly toMs: number;
  /** Instead of those that stand in the batches; null leaves them. */
  readonly rules: CountingRules | null;
}

/** An event of the raw topic: its attributes without `ce_`, and its data. */
export interface RawEvent {
  readonly attributes: Readonly<Record<string, string>>;
  readonly value: Buffer;
}

/**
 * Batches that only tell the time are taken for so long around the range: the windows before it must be there
 * to be closed, and the last one of it must be closed.
 */
const AROUND_MS = 60_000;
/** However late a trade may be, it is looked for: what is too late is transform's to say. */
const EVER_MS = Number.MAX_SAFE_INTEGER;

/**
 * What a shadow is given of an event: null if no window of the range needs it, else its data, with other rules
 * in it where some are asked for.
 *
 * A batch that cannot be read is given as it is: transform refuses it as it did before.
 */
export function takeBatch({ attributes, value }: RawEvent, { fromMs, toMs, rules }: Played): Buffer | null {
  if (attributes['type'] === EVENT_TYPES.feedGap) return touches(value, fromMs, toMs) ? value : null;
  // Books and news are in no candle.
  if (attributes['type'] !== EVENT_TYPES.rawTrades) return null;
  try {
    const data = parseEventData(value);
    const batch = parseRawBatch(attributes, data);
    const isOfThen = batch.watermarkMs >= fromMs - AROUND_MS && batch.watermarkMs < toMs + AROUND_MS;
    const played = rules === null ? batch : { ...batch, rules };
    const isNeeded =
      isOfThen ||
      cleanBatch(played, EVER_MS).batch.trades.some(({ eventTimeMs }) => {
        const startMs = windowStartOf(eventTimeMs);
        return startMs >= fromMs && startMs < toMs;
      });
    if (!isNeeded) return null;
    return rules === null ? value : Buffer.from(JSON.stringify({ ...Object(data), rules }));
  } catch {
    return value;
  }
}

function touches(value: Buffer, fromMs: number, toMs: number): boolean {
  try {
    const gap = parseFeedGap(parseEventData(value));
    return gap.toMs >= fromMs && gap.fromMs < toMs;
  } catch {
    return true;
  }
}
