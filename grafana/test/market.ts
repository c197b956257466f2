import { formatCandleBatch, type PublishedCandle } from '@kandle/market/candle/candle-batch';
import type { MarketEvent } from '@kandle/market/event/market-event';
import { formatFeedGap } from '@kandle/market/feed/feed-gap';
import { formatRawBooksOrNews } from '@kandle/market/feed/books-and-news';
import { formatIndicatorBatch } from '@kandle/market/indicator/indicator-batch';
import { formatInstrument } from '@kandle/market/instrument/instrument-events';
import { e16, e8 } from '@kandle/market/number/fixed-point';
import { formatSignalBatch, type Signal, signalId } from '@kandle/market/signal/signal-batch';
import { formatRawTrades } from '@kandle/testkit/raw-trades';
import { createPersist } from '@kandle/persist/handler';
import { createRollupStore } from '@kandle/persist/rollups/rollup-store';
import { createRollups } from '@kandle/persist/rollups/rollups';
import { createViews } from '@kandle/persist/views/views';
import { createLogger } from '@kandle/runtime/log';
import type { Client } from 'cassandra-driver';

export const FEED = 'sim';
export const SYMBOL = 'SIM:A';
const SHARD = 'sim-03';
export const WINDOW_MS = 5_000;
export const MIDNIGHT = Date.UTC(2026, 10, 28);
const HALF_MS = 90 * 60_000;
/** Three hours of candles, half of them before a UTC midnight. */
export const BEGIN = MIDNIGHT - HALF_MS;
export const END = MIDNIGHT + HALF_MS;
/** A stretch that a shadow plays: it ends in the middle of a minute. */
export const SHADOW = [MIDNIGHT + 600_000, MIDNIGHT + 1_230_000] as const;
/** Events under way at once. */
const AT_ONCE = 32;
/** In Finnhub's words. */
const NEWS = {
  id: 'n1',
  datetime: (END - 1_200_000) / 1_000,
  headline: "A's quarter",
  related: SYMBOL,
  source: 'wire',
  category: 'company',
  url: 'https://example.com/n1',
};
const BOOK = { s: SYMBOL, t: END - 20_000, b: [[99.9, 1]], a: [[100.1, 1]] };
const header = { shard: SHARD, epoch: 1, watermarkMs: END, ingestTimeMs: END };

/**
 * Writes what the pipeline publishes of three hours of two symbols, by persist itself with its rollups, so that
 * the rows are those of production.
 */
export async function writeMarket(client: Client): Promise<void> {
  await writeEvents(client, [...candleEvents(), ...otherEvents()]);
}

/** Writes what a shadow makes of its stretch, by the same way: seven times the prices. */
export async function writeShadow(client: Client): Promise<void> {
  const [fromMs, toMs] = SHADOW;
  await writeEvents(client, candleEvents({ fromMs, toMs, times: 7n }));
}

async function writeEvents(client: Client, events: readonly MarketEvent[]): Promise<void> {
  const views = createViews(client, { writeConcurrency: 32, maxRowsPerBatch: 200 });
  const rollups = createRollups(createRollupStore(client, views), {
    process: 'grafana-test',
    idleMs: 600_000,
    concurrency: 16,
    maxPending: 1_000_000,
    nowMs: () => performance.now(),
    nowUs: () => BigInt(Math.round((performance.timeOrigin + performance.now()) * 1_000)),
    log: createLogger('grafana-test', 'silent'),
  });
  const persist = createPersist({ views, rollups, rows: { add: () => undefined }, horizonMs: 900_000 });
  for (let at = 0; at < events.length; at += AT_ONCE) {
    await Promise.all(
      events.slice(at, at + AT_ONCE).map(async (event) => {
        const data: unknown = JSON.parse(JSON.stringify(event.data));
        await persist({ ...event, attributes: event.extensions, data, offset: null });
      }),
    );
  }
  await rollups.close();
}

/** A price that wanders a little, and falls by six percent in the last five minutes. */
function priceAt(startMs: number): bigint {
  const wave = BigInt(Math.round(1e6 * Math.sin(startMs / 300_000)));
  return (
    10_000_000_000n +
    wave -
    (startMs >= END - 300_000 ? (600_000_000n * BigInt(startMs - END + 300_000)) / 300_000n : 0n)
  );
}

function candleOf(symbol: string, startMs: number, times: bigint): PublishedCandle {
  const [openE8, closeE8] = [times * priceAt(startMs), times * priceAt(startMs + WINDOW_MS)];
  const [lowE8, highE8] = openE8 < closeE8 ? [openE8, closeE8] : [closeE8, openE8];
  return {
    symbol,
    version: 3,
    state: 'final',
    revision: 0,
    reason: null,
    complete: true,
    lastTradeMs: startMs + 4_000,
    openE8: e8(openE8),
    highE8: e8(highE8),
    lowE8: e8(lowE8),
    closeE8: e8(closeE8),
    volumeE8: e8(200_000_000n),
    notionalE16: e16(200_000_000n * openE8),
    priceSumE8: e8(2n * openE8),
    tradeCount: 2,
  };
}

function candleEvents({ fromMs = BEGIN, toMs = END, times = 1n } = {}): readonly MarketEvent[] {
  const count = (toMs - fromMs) / WINDOW_MS;
  return Array.from({ length: count }, (_, n) => fromMs + n * WINDOW_MS).flatMap((windowStartMs, n) =>
    formatCandleBatch({
      shard: SHARD,
      windowStartMs,
      windowMs: WINDOW_MS,
      kind: 'final',
      version: 3,
      // The other symbol is thin.
      candles: [SYMBOL, ...(n % 7 === 0 ? ['SIM:B'] : [])].map((symbol) =>
        candleOf(symbol, windowStartMs, times),
      ),
    }),
  );
}

function signalOf(windowStartMs: number, rule: string, text: string, state: Signal['state']): Signal {
  return {
    id: signalId({ rule, symbol: SYMBOL, windowStartMs }),
    rule,
    symbol: SYMBOL,
    windowStartMs,
    side: rule === 'volume-spike' ? 'neutral' : rule === 'price-jump' ? 'buy' : 'sell',
    strength: 0.5,
    numbers: { close: 101 },
    text,
    state,
    version: 1,
    causedAtMs: windowStartMs,
  };
}

function otherEvents(): readonly MarketEvent[] {
  const trades = ['SIM:A', 'SIM:B'].flatMap((symbol) =>
    Array.from({ length: 40 }, (_, n) => ({
      id: `${symbol}-${n}`,
      symbol,
      eventTimeMs: END - 60_000 + n * 1_400,
      priceE8: e8(10_000_000_000n + BigInt(n)),
      sizeE8: e8(100_000_000n),
    })),
  );
  const indicators = Array.from({ length: 760 }, (_, n) => END - (n + 1) * WINDOW_MS).flatMap(
    (windowStartMs, n) =>
      formatIndicatorBatch({
        shard: SHARD,
        windowStartMs,
        indicators: [
          {
            symbol: SYMBOL,
            version: 1,
            candleVersion: 3,
            repeated: 0,
            restarted: false,
            close: 100,
            // The oldest are not warm yet.
            values:
              n > 740
                ? { sma20: 100 }
                : {
                    sma20: 100,
                    ema20: 100.5,
                    rsi14: 55,
                    macd: 0.1,
                    macd_signal: 0.05,
                    macd_histogram: 0.05,
                    bollinger_upper: 102,
                    bollinger_middle: 100,
                    bollinger_lower: 98,
                    atr14: 0.2,
                  },
          },
        ],
      }),
  );
  const at = END - 60_000;
  const signals = [
    signalOf(at, 'price-jump', `${SYMBOL} jumped up by 1 to 101, 5 times its average range.`, 'active'),
    signalOf(at, 'volume-spike', `${SYMBOL} traded 50 in 5 seconds, 6 times its usual 8.`, 'active'),
    signalOf(at, 'rsi-over-under', `${SYMBOL} is overbought.`, 'retracted'),
  ];
  const earlier = signalOf(END - 1_800_000, 'rsi-over-under', `${SYMBOL} is overbought: RSI 71.`, 'active');
  return [
    formatRawTrades({ ...header, sequence: 1, trades }),
    ...indicators,
    ...formatSignalBatch({ shard: SHARD, windowStartMs: at, version: 1, signals }),
    ...formatSignalBatch({
      shard: SHARD,
      windowStartMs: earlier.windowStartMs,
      version: 1,
      signals: [earlier],
    }),
    formatFeedGap(
      { shard: SHARD, fromMs: END - 600_000, toMs: END - 590_000, reason: 'silent', droppedRecords: 0 },
      1,
    ),
    formatInstrument({
      feed: FEED,
      list: 'stocks:US',
      id: 'figi:BBG1',
      ticker: SYMBOL,
      market: 'XNAS',
      currency: 'USD',
      type: 'Common Stock',
      description: "A's company",
      figi: 'BBG1',
      isin: '',
      validFromMs: BEGIN,
      validToMs: null,
      status: 'active',
      absences: 0,
      changedAtMs: BEGIN,
    }),
    formatRawBooksOrNews('news', { ...header, sequence: 1, records: [{ id: 'x', record: NEWS }] }),
    formatRawBooksOrNews('books', { ...header, sequence: 1, records: [{ id: 'x', record: BOOK }] }),
  ];
}
