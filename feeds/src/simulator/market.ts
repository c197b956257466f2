import { createActivity } from './activity.ts';
import { createInstruments, type Instrument } from './instruments.ts';
import { createPriceWalk } from './price-walk.ts';
import { createRandom, type Random } from '@kandle/tooling/random';
import { createRateProfile } from './rate-profile.ts';

/** One made-up execution, in the units of its symbol. */
export interface SimulatedTrade {
  readonly instrument: Instrument;
  /** Price in ticks, size in units of 10^-sizeDigits: whole numbers above 0. */
  readonly ticks: number;
  readonly lots: number;
  readonly eventTimeMs: number;
}

/** What a market is made of. */
export interface MarketOptions {
  readonly seed: number;
  /** Trades a second, over ten seconds. */
  readonly rate: number;
  /** Number of symbols, 1 to 5,000. */
  readonly symbols: number;
  /** Event time at which it begins, epoch milliseconds. */
  readonly startMs: number;
}

/** A made-up market: the same options and calls make the same trades. Reads no clock. */
export interface Market {
  readonly instruments: readonly Instrument[];
  /** How far it has come, epoch milliseconds. */
  nowMs(): number;
  /** The frames of the next 10 ms, in the order of arrival: up to 700 trades of mixed symbols each. */
  step(): readonly (readonly SimulatedTrade[])[];
  /** Lets time pass without trades; a time that is over changes nothing. */
  skipTo(atMs: number): void;
}

/** Length of a step, milliseconds. */
export const STEP_MS = 10;
/**
 * Oldest a trade can be when it arrives. Ingest waits for 1,000 ms; the rest is for what delays us on the way.
 */
export const MAX_DISORDER_MS = 700;
/** Most trades of a frame: the largest recorded one has 707. */
export const MAX_FRAME_TRADES = 700;
const LATE = 0.03;
/** Chance that a trade begins a sweep through the order book, and how many more it brings on average. */
const SWEEP = 0.25;
const SWEEP_MORE = 4;
/** Chance, within a sweep, that a trade equals the one before: 17 % of real trades have such a twin. */
const TWIN = 0.13;

/**
 * A market of symbols of every kind. @throws {RangeError} If the count of symbols or the rate is out of range.
 */
export function createMarket({ seed, rate, symbols, startMs }: MarketOptions): Market {
  if (!(rate > 0)) throw new RangeError(`Cannot simulate ${rate} trades a second`);
  const random = createRandom(seed);
  const instruments = createInstruments(symbols, random);
  const listings = instruments.map((instrument) => ({
    instrument,
    tick: 10 ** -instrument.priceDigits,
    walk: createPriceWalk(random, instrument.startPrice, instrument.volatility, startMs),
  }));
  const activity = createActivity(random, symbols);
  const profile = createRateProfile(random, rate, STEP_MS);
  let nowMs = startMs;
  let secondEndsMs = startMs + 1_000;
  /** Trades due; below 0 when the last sweep brought more than that. */
  let owed = 0;

  function endSeconds(): void {
    if (nowMs < secondEndsMs) return;
    for (const { walk } of listings) walk.endSecond(nowMs);
    activity.endSecond();
    secondEndsMs = nowMs + 1_000;
  }

  function trade(trades: SimulatedTrade[], atMs: number): void {
    const listing = listings[activity.pick()];
    if (listing === undefined) return;
    const { instrument, tick } = listing;
    const value = listing.walk.moveTo(atMs) / tick;
    // A buyer pays a tick more than a seller gets: the bid-ask bounce (Roll 1984).
    const side = random.chance(0.5) ? 1 : -1;
    const eventTimeMs = random.chance(LATE) ? atMs - 1 - random.below(MAX_DISORDER_MS) : atMs;
    let ticks = Math.max(1, Math.round(value + side / 2));
    let lots = drawLots(random, instrument, value * tick);
    const count = random.chance(SWEEP) ? 2 + Math.floor(random.exponential(SWEEP_MORE - 1)) : 1;
    for (let n = 0; n < count; n++) {
      if (n > 0 && !random.chance(TWIN)) {
        if (random.chance(0.4)) ticks = Math.max(1, ticks + side);
        lots = drawLots(random, instrument, value * tick);
      }
      trades.push({ instrument, ticks, lots, eventTimeMs });
    }
    owed -= count;
  }

  return {
    instruments,
    nowMs: () => nowMs,
    step() {
      endSeconds();
      owed += profile.next();
      const due = owed;
      const trades: SimulatedTrade[] = [];
      while (owed > 0) trade(trades, nowMs + Math.floor(STEP_MS * (1 - owed / due)));
      nowMs += STEP_MS;
      return toFrames(random, trades);
    },
    skipTo(atMs) {
      if (atMs <= nowMs) return;
      nowMs = atMs;
      endSeconds();
    },
  };
}

/** A size as its kind has them, in units of 10^-sizeDigits. */
function drawLots(random: Random, { kind, sizeDigits }: Instrument, price: number): number {
  if (kind === 'stock')
    return random.chance(0.6) ? 100 * (1 + Math.floor(random.exponential(1.5))) : 1 + random.below(99);
  if (kind === 'forex') return 1_000 * (1 + Math.floor(random.exponential(20)));
  // Some 800 dollars' worth.
  if (kind === 'crypto') return 1 + Math.floor((random.exponential(800) / price) * 10 ** sizeDigits);
  // In an index nothing changes hands: one for each time it was computed.
  return 1;
}

function toFrames(random: Random, trades: readonly SimulatedTrade[]): readonly (readonly SimulatedTrade[])[] {
  const frames: (readonly SimulatedTrade[])[] = [];
  const usual = Math.max(3, trades.length / 3);
  for (let from = 0; from < trades.length; ) {
    const count = Math.min(MAX_FRAME_TRADES, 1 + Math.floor(random.exponential(usual)));
    frames.push(trades.slice(from, from + count));
    from += count;
  }
  return frames;
}
