import { createMarket, STEP_MS } from '../simulator/market.ts';
import { priceOf, sizeOf } from '../simulator/frame-text.ts';
import type { MarketSample } from './sample.ts';

/** The simulated market, seen as a vendor that samples sees it. */
export interface SampledMarket {
  readonly symbols: readonly string[];
  /** What a symbol was last seen at; undefined before its first trade. */
  last(symbol: string): MarketSample | undefined;
  close(): void;
}

/** What is sampled, and how often. */
export interface SampledMarketOptions {
  readonly seed: number;
  /** Trades a second behind the samples. */
  readonly rate: number;
  readonly symbols: number;
  /** Told of the symbols that have traded, about once a second. */
  readonly onSamples: (samples: readonly MarketSample[]) => void;
}

const SAMPLE_MS = 1_000;
const WARM_UP_MS = 60_000;

/** Starts the market: its trades are only counted, and about once a second it is looked at. */
export function startSampledMarket({ seed, rate, symbols, onSamples }: SampledMarketOptions): SampledMarket {
  const market = createMarket({ seed, rate, symbols, startMs: Date.now() - WARM_UP_MS });
  const seen = new Map<string, MarketSample>();
  const changed = new Set<string>();

  function tradeUntil(nowMs: number): void {
    while (market.nowMs() + STEP_MS <= nowMs) {
      for (const trade of market.step().flat()) {
        const { symbol, kind, sizeDigits } = trade.instrument;
        const volume = (seen.get(symbol)?.dayVolume ?? 0) + sizeOf(trade);
        const dayVolume = kind === 'forex' ? null : Number(volume.toFixed(sizeDigits));
        seen.set(symbol, { symbol, price: priceOf(trade), atMs: trade.eventTimeMs, dayVolume });
        changed.add(symbol);
      }
    }
  }

  tradeUntil(Date.now());
  const timer = setInterval(() => {
    const nowMs = Date.now();
    tradeUntil(nowMs);
    const samples = [...changed].flatMap((symbol) => seen.get(symbol) ?? []);
    changed.clear();
    onSamples(samples);
  }, SAMPLE_MS);
  return {
    symbols: market.instruments.map(({ symbol }) => symbol),
    last: (symbol) => seen.get(symbol),
    close: () => clearInterval(timer),
  };
}
