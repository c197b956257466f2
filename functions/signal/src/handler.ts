import { type CandleBatch, parseCandleBatch } from '@kandle/market/candle/candle-batch';
import { e8ToDouble } from '@kandle/market/number/fixed-point';
import type { IndicatorPeriods } from '@kandle/market/indicator/indicators';
import { WINDOW_MS } from '@kandle/market/window/window';
import { PoisonError } from '@kandle/runtime/errors';
import { parseOrPoison } from '@kandle/runtime/parse';
import type { ReceivedEvent } from '@kandle/runtime/received-event';
import type { NewsSentiments } from './news-sentiment.ts';
import type { SignalPublisher } from './publish.ts';
import { type RecomputeDeps, recomputeLater } from './recompute.ts';
import type { Rule } from '@kandle/market/signal/rules';
import { reconcileWindow } from './reconcile.ts';
import type { RowCandle, Sentiment } from '@kandle/market/signal/series-state';

/** What the signal function works with. */
export interface SignalDeps extends RecomputeDeps {
  readonly publisher: SignalPublisher;
  readonly news: NewsSentiments;
  readonly periods: IndicatorPeriods;
  readonly maxRepeatedWindows: number;
  /** How long an event may take, milliseconds; later windows that are left then wait for its next delivery. */
  readonly budgetMs: number;
  /** The rules as of now. */
  readonly rules: () => readonly Rule[];
}

/**
 * Builds the function that makes indicators and signals of the final candles of a shard's window.
 *
 * Idempotent: duplicates, any order and retries after a crash end in the same rows. When the promise resolves,
 * the rows are durable and their indicators and signals are acknowledged. Provisional candles cost nothing.
 */
export function createSignal(deps: SignalDeps): (event: ReceivedEvent) => Promise<void> {
  return async function signal(event) {
    const deadlineMs = deps.monotonicMs() + deps.budgetMs;
    const batch = parseOrPoison('candle batch', () => parseCandleBatch(event.data));
    if (batch.kind === 'provisional') return;
    if (batch.windowMs !== WINDOW_MS || batch.windowStartMs % WINDOW_MS !== 0) {
      throw new PoisonError(`Cannot make signals: ${batch.windowStartMs} is no start of a 5-second window`);
    }
    const { shard, windowStartMs } = batch;
    const key = { shard, windowStartMs };
    const traceparent = traceparentOf(event);
    const settings = {
      periods: deps.periods,
      maxRepeatedWindows: deps.maxRepeatedWindows,
      rules: deps.rules(),
    };
    const sentiments = await deps.news.read(
      key,
      batch.candles.map(({ symbol }) => symbol),
      settings.rules,
    );
    const candles = rowCandles(batch, sentiments);
    const reconciled = await reconcileWindow(deps, key, { candles, symbols: null, settings, isOwn: true });
    // Rows of silence are made by any event of the window, so every event sees to those that follow them.
    const silent = [...reconciled.window.rows].filter(([, { candle }]) => candle === null);
    const symbols = new Set([...candles.keys(), ...reconciled.changed, ...silent.map(([symbol]) => symbol)]);
    await deps.publisher.publish(key, reconciled.window, symbols, traceparent);
    await recomputeLater(deps, key, {
      reconciled,
      symbols,
      settings,
      deadlineMs,
      publish: (at, window, shown) => deps.publisher.publish(at, window, shown, traceparent),
    });
  };
}

function traceparentOf({ attributes }: ReceivedEvent): string | undefined {
  const { traceparent } = attributes;
  return typeof traceparent === 'string' ? traceparent : undefined;
}

function rowCandles(
  batch: CandleBatch,
  sentiments: ReadonlyMap<string, Sentiment>,
): ReadonlyMap<string, RowCandle> {
  return new Map(
    batch.candles
      .filter(({ state }) => state !== 'provisional')
      .map((candle) => [
        candle.symbol,
        {
          version: candle.version,
          close: e8ToDouble(candle.closeE8),
          high: e8ToDouble(candle.highE8),
          low: e8ToDouble(candle.lowE8),
          volume: e8ToDouble(candle.volumeE8),
          lastTradeMs: candle.lastTradeMs,
          sentiment: sentiments.get(candle.symbol) ?? null,
        },
      ]),
  );
}
