import type { Random } from '@kandle/tooling/random';

/** What is traded: it decides tick, sizes and volatility. */
export type InstrumentKind = 'stock' | 'index' | 'forex' | 'crypto';

/** One simulated symbol. */
export interface Instrument {
  /** Begins with `SIM:`, so that it never mixes with a real one. */
  readonly symbol: string;
  readonly kind: InstrumentKind;
  readonly startPrice: number;
  /** Decimals of its prices: the tick is 10^-priceDigits. */
  readonly priceDigits: number;
  /** Decimals of its sizes. */
  readonly sizeDigits: number;
  /** Standard deviation of the logarithm of its price after one second, in the long run. */
  readonly volatility: number;
}

/** Most symbols that a market can have. */
export const MAX_SYMBOLS = 5_000;
export const DEFAULT_SYMBOLS = 10;

/**
 * Of one trading second: a yearly volatility of 30, 15, 8 and 60 % over the seconds a year that each kind
 * trades.
 */
const VOLATILITY: Readonly<Record<InstrumentKind, number>> = {
  stock: 0.3 / Math.sqrt(252 * 23_400),
  index: 0.15 / Math.sqrt(252 * 23_400),
  forex: 0.08 / Math.sqrt(252 * 86_400),
  crypto: 0.6 / Math.sqrt(365 * 86_400),
};

const NAMED: readonly (readonly [name: string, kind: InstrumentKind, startPrice: number])[] = [
  ['BTC-USD', 'crypto', 64_250],
  ['ACME', 'stock', 184.2],
  ['EUR/USD', 'forex', 1.0842],
  ['^IDX50', 'index', 5_210.4],
  ['BOLT', 'stock', 42.35],
  ['ETH-USD', 'crypto', 3_140],
  ['USD/JPY', 'forex', 154.32],
  ['CRUX', 'stock', 310.75],
  ['^TEC100', 'index', 18_220],
  ['DUNE', 'stock', 8.64],
];

/** Of every ten further symbols. */
const FURTHER_KINDS: readonly InstrumentKind[] = [
  'stock',
  'crypto',
  'stock',
  'forex',
  'stock',
  'stock',
  'crypto',
  'stock',
  'index',
  'stock',
];

const START_PRICES: Readonly<Record<InstrumentKind, readonly [low: number, high: number]>> = {
  stock: [5, 500],
  index: [1_000, 20_000],
  forex: [0.5, 2],
  crypto: [1, 1_000],
};

/**
 * The symbols of a market, each once, of every kind; the first ten have names of their own.
 *
 * @throws {RangeError} If the count is not between 1 and 5,000.
 */
export function createInstruments(count: number, random: Random): readonly Instrument[] {
  if (!Number.isInteger(count) || count < 1 || count > MAX_SYMBOLS) {
    throw new RangeError(`Cannot simulate ${count} symbols: expected 1 to ${MAX_SYMBOLS}`);
  }
  return Array.from({ length: count }, (_, index) => {
    const named = NAMED[index];
    if (named !== undefined) return toInstrument(...named);
    const kind = FURTHER_KINDS[index % FURTHER_KINDS.length] ?? 'stock';
    const [low, high] = START_PRICES[kind];
    return toInstrument(furtherName(index, kind), kind, low * (high / low) ** random.next());
  });
}

function toInstrument(name: string, kind: InstrumentKind, startPrice: number): Instrument {
  return {
    symbol: `SIM:${name}`,
    kind,
    startPrice,
    priceDigits: priceDigits(kind, startPrice),
    sizeDigits: kind === 'crypto' ? 5 : 0,
    volatility: VOLATILITY[kind],
  };
}

function priceDigits(kind: InstrumentKind, startPrice: number): number {
  // A pair such as USD/JPY is quoted in thousandths.
  if (kind === 'forex') return startPrice > 10 ? 3 : 5;
  return kind === 'crypto' && startPrice < 100 ? 4 : 2;
}

/** `XAAK` for the 10th: no named symbol begins with an X. */
function furtherName(index: number, kind: InstrumentKind): string {
  const letters = [676, 26, 1].map((place) => String.fromCharCode(65 + (Math.floor(index / place) % 26)));
  const code = `X${letters.join('')}`;
  if (kind === 'index') return `^${code}`;
  if (kind === 'forex') return `${code}/USD`;
  return kind === 'crypto' ? `${code}-USD` : code;
}
