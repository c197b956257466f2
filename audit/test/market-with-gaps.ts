import { formatRawBatch } from '@kandle/market/feed/raw-batch';
import { tradeIdOf } from '@kandle/market/feed/trade-identity';

/** A market with gaps in its log, and a plain count of what its candles are. */

export const BEGIN_MS = 1_764_000_000_000;
export const SECONDS = 300;
export const SHARD = 'test-00';
export const EPOCH = 1_764_100_000_000;
const SYMBOLS = ['AAPL', 'MSFT'] as const;

/** A trade as the feed tells it. */
export interface Told {
  readonly s: string;
  readonly p: number;
  readonly t: number;
  readonly v: number;
  readonly c: null;
}

/** From and up to which second the feed was away, both ends included. */
export const GAPS = {
  recorded: [60, 85],
  killed: [120, 135],
  vendor: [160, 170],
  partly: [180, 190],
} as const;
export type GapName = keyof typeof GAPS;
export const gapMs = (name: GapName): readonly [number, number] => [
  BEGIN_MS + GAPS[name][0] * 1_000,
  BEGIN_MS + GAPS[name][1] * 1_000,
];
export const isIn = (name: GapName, t: number): boolean => gapMs(name)[0] <= t && t <= gapMs(name)[1];

/** Every trade of the market: two symbols, twins among them, and one dense stretch of many batches. */
function wholeMarket(): readonly Told[] {
  const trades: Told[] = [];
  let state = 7;
  const below = (limit: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * limit);
  };
  for (let ms = 0; ms < SECONDS * 1_000; ms += ms >= 120_000 && ms < 135_000 ? 20 : 410) {
    for (const s of SYMBOLS) {
      const trade = {
        s,
        p: (10_000 + below(300)) / 100,
        t: BEGIN_MS + ms,
        v: (1 + below(9)) / 1_000,
        c: null,
      };
      // One in four is two or three equal trades of one millisecond.
      trades.push(...Array.from({ length: below(4) === 0 ? 2 + below(2) : 1 }, () => trade));
    }
  }
  return trades;
}

export const MARKET = wholeMarket();
export const isMissed = ({ t, v }: Told): boolean =>
  // Of a gap's beginning some came live: there the first of equal ones is known and its twins are not.
  (Object.keys(GAPS) as GapName[]).some(
    (name) => isIn(name, t) && t > gapMs(name)[0] + (v > 0.004 ? 0 : 2_000),
  );

/** What ingest writes of trades that come on one connection: batches of two seconds. */
export function rawBatches(trades: readonly Told[]) {
  const seen = new Map<string, number>();
  const records = trades.map((record) => {
    const tuple = {
      symbol: record.s,
      eventTimeMs: record.t,
      price: record.p,
      size: record.v,
      conditions: null,
    };
    const n = (seen.get(tradeIdOf(tuple, 1)) ?? 0) + 1;
    seen.set(tradeIdOf(tuple, 1), n);
    return { id: tradeIdOf(tuple, n), record: { ...record } };
  });
  const batches = Map.groupBy(records, ({ record }) => Math.floor((record.t - BEGIN_MS) / 2_000));
  let watermarkBeforeMs = 0;
  return [...batches].map(([two, ofTwo], index) => {
    const watermarkMs = BEGIN_MS + (two + 1) * 2_000 - 1_000;
    const event = formatRawBatch({
      shard: SHARD,
      epoch: EPOCH,
      sequence: index + 1,
      watermarkMs,
      watermarkBeforeMs,
      ingestTimeMs: Date.now(),
      rules: 'us-tape',
      records: ofTwo,
    });
    watermarkBeforeMs = watermarkMs;
    return event;
  });
}

/** A recording as `npm run record` writes it. */
export function recordingOf(trades: readonly Told[]): string {
  const frames = Map.groupBy(trades, ({ t }) => t);
  const lines = [...frames].map(
    ([t, data]) => `{"recv_ms":${t + 40},"frame":${JSON.stringify({ data, type: 'trade' })}}`,
  );
  return ['{"recording":{"vendor":"finnhub"}}', ...lines, ''].join('\n');
}

/** Candles of some trades by window and symbol, counted plainly. */
export function plainCandles(trades: readonly Told[]) {
  return Object.fromEntries(
    [...Map.groupBy(trades, ({ s, t }) => `${t - (t % 5_000)} ${s}`)].map(([key, ofWindow]) => [
      key,
      {
        open: ofWindow[0]?.p,
        close: ofWindow.at(-1)?.p,
        high: Math.max(...ofWindow.map(({ p }) => p)),
        low: Math.min(...ofWindow.map(({ p }) => p)),
        count: ofWindow.length,
        volume: ofWindow.reduce((sum, { v }) => sum + Math.round(v * 1_000), 0),
      },
    ]),
  );
}

export const missedIn = (...names: readonly GapName[]): readonly Told[] =>
  MARKET.filter((trade) => isMissed(trade) && names.some((name) => isIn(name, trade.t)));
export const withoutGaps = (...names: readonly GapName[]): readonly Told[] =>
  MARKET.filter((trade) => !isMissed(trade) || names.every((name) => !isIn(name, trade.t)));
