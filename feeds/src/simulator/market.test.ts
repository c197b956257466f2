import { isSymbol } from '@kandle/market/event/symbol';
import { judgeFinnhubRecord } from '@kandle/market/feed/finnhub/trade';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { frameText, priceOf, sizeOf } from './frame-text.ts';
import { createInstruments, MAX_SYMBOLS } from './instruments.ts';
import {
  createMarket,
  type Market,
  MAX_DISORDER_MS,
  MAX_FRAME_TRADES,
  type SimulatedTrade,
  STEP_MS,
} from './market.ts';
import { createPriceWalk } from './price-walk.ts';
import { createRandom } from '@kandle/tooling/random';

const START_MS = 1_900_000_000_000;

interface Arrived {
  readonly trade: SimulatedTrade;
  /** When its frame was made. */
  readonly atMs: number;
}

function run(market: Market, seconds: number): Arrived[] {
  const arrived: Arrived[] = [];
  for (let step = 0; step < (seconds * 1_000) / STEP_MS; step++) {
    for (const frame of market.step()) {
      expect(frame.length).toBeLessThanOrEqual(MAX_FRAME_TRADES);
      for (const trade of frame) arrived.push({ trade, atMs: market.nowMs() });
    }
  }
  return arrived;
}

const seeds = fc.integer({ min: 0, max: 2 ** 40 });
const options = fc.record({
  seed: seeds,
  rate: fc.constantFrom(1, 20, 200, 3_000),
  symbols: fc.constantFrom(1, 2, 10, 137),
  startMs: fc.constant(START_MS),
});

const keyOf = ({ instrument, ticks, lots, eventTimeMs }: SimulatedTrade): string =>
  `${instrument.symbol} ${ticks} ${lots} ${eventTimeMs}`;

describe('createMarket()', () => {
  test('makes the same trades from the same seed, and others from another', () => {
    fc.assert(
      fc.property(options, (market) => {
        const texts = (seed: number): string[] =>
          run(createMarket({ ...market, seed }), 12).map(({ trade }) => keyOf(trade));
        expect(texts(market.seed)).toEqual(texts(market.seed));
        if (market.rate > 1) expect(texts(market.seed)).not.toEqual(texts(market.seed + 1));
      }),
      { numRuns: 12 },
    );
  });

  test('keeps its rate over ten seconds', () => {
    fc.assert(
      fc.property(options, (market) => {
        const count = run(createMarket(market), 10).length;
        // The last sweep may bring more than was due.
        expect(Math.abs(count - market.rate * 10)).toBeLessThanOrEqual(Math.max(20, market.rate * 0.3));
        if (market.rate >= 200) expect(Math.abs(count / (market.rate * 10) - 1)).toBeLessThan(0.03);
      }),
      { numRuns: 20 },
    );
  });

  test('makes trades that pass as real: prices above 0 and on the tick, sizes above 0, times within the bound', () => {
    fc.assert(
      fc.property(options, (market) => {
        // One assertion for all trades: a call each would cost more than the market itself.
        const decimals = (value: number): number => String(value).split('.')[1]?.length ?? 0;
        const strange = run(createMarket(market), 10).filter(({ trade, atMs }) => {
          const { instrument, ticks, lots, eventTimeMs } = trade;
          const real = Number.isSafeInteger(ticks) && ticks > 0 && Number.isSafeInteger(lots) && lots > 0;
          const timely = eventTimeMs < atMs && eventTimeMs >= atMs - STEP_MS - MAX_DISORDER_MS;
          const onTick =
            decimals(priceOf(trade)) <= instrument.priceDigits &&
            decimals(sizeOf(trade)) <= instrument.sizeDigits;
          return !(real && timely && onTick);
        });
        expect(strange).toEqual([]);
      }),
      { numRuns: 12 },
    );
  });

  test('has twins, times that go back, bursts, empty seconds, pauses and every kind', () => {
    const arrived = run(createMarket({ seed: 1, rate: 2_000, symbols: 10, startMs: START_MS }), 120);
    const trades = arrived.map(({ trade }) => trade);

    const counts = new Map<string, number>();
    for (const trade of trades) counts.set(keyOf(trade), (counts.get(keyOf(trade)) ?? 0) + 1);
    const stocks = trades.filter(({ instrument }) => instrument.kind === 'stock');
    const twins = stocks.filter((trade) => (counts.get(keyOf(trade)) ?? 0) > 1).length / stocks.length;
    expect(twins).toBeGreaterThan(0.08);
    expect(twins).toBeLessThan(0.35);

    const newest = new Map<string, number>();
    let back = 0;
    for (const { instrument, eventTimeMs } of trades) {
      const last = newest.get(instrument.symbol) ?? 0;
      if (eventTimeMs < last) back += 1;
      newest.set(instrument.symbol, Math.max(last, eventTimeMs));
    }
    expect(back / trades.length).toBeGreaterThan(0.01);

    const perSecond = Array.from({ length: 120 }, () => 0);
    for (const { atMs } of arrived) {
      const second = Math.floor((atMs - STEP_MS - START_MS) / 1_000);
      perSecond[second] = (perSecond[second] ?? 0) + 1;
    }
    expect(perSecond).toContain(0);
    expect(Math.max(...perSecond)).toBeGreaterThan(2_600);

    const kinds = new Set(trades.map(({ instrument }) => instrument.kind));
    expect(kinds).toEqual(new Set(['stock', 'index', 'forex', 'crypto']));
    const seconds = (symbol: string): number =>
      new Set(
        trades
          .filter(({ instrument }) => instrument.symbol === symbol)
          .map(({ eventTimeMs }) => Math.floor(eventTimeMs / 1_000)),
      ).size;
    expect([...newest.keys()].some((symbol) => seconds(symbol) < 115)).toBe(true);
    expect(trades.some((trade) => sizeOf(trade) % 1 !== 0)).toBe(true);
  });

  test('lets time pass without trades, and none of them is older than the silence', () => {
    const market = createMarket({ seed: 3, rate: 500, symbols: 10, startMs: START_MS });
    run(market, 5);
    const wakeMs = market.nowMs() + 40_000;
    market.skipTo(wakeMs);
    const after = run(market, 5);
    expect(after.length).toBeGreaterThan(0);
    for (const { trade } of after) expect(trade.eventTimeMs).toBeGreaterThanOrEqual(wakeMs - MAX_DISORDER_MS);
    market.skipTo(wakeMs);
    expect(market.nowMs()).toBe(wakeMs + 5_000);
  });

  test.each([0, 1.5, MAX_SYMBOLS + 1])('refuses %d symbols', (symbols) => {
    expect(() => createMarket({ seed: 1, rate: 1, symbols, startMs: 0 })).toThrow(RangeError);
  });
});

test('createInstruments() names each symbol once, and all as feeds spell them', () => {
  const symbols = createInstruments(MAX_SYMBOLS, createRandom(1)).map(({ symbol }) => symbol);
  expect(new Set(symbols).size).toBe(MAX_SYMBOLS);
  expect(
    symbols.every((symbol) => isSymbol(symbol) && symbol.startsWith('SIM:') && !symbol.includes(',')),
  ).toBe(true);
});

test('createPriceWalk() has storms and calms: large moves follow large ones', () => {
  const volatility = 1e-4;
  const walk = createPriceWalk(createRandom(5), 100, volatility, 0);
  const moves: number[] = [];
  let before = Math.log(100);
  for (let second = 1; second <= 20_000; second++) {
    walk.endSecond(second * 1_000);
    const log = Math.log(walk.moveTo(second * 1_000));
    moves.push(log - before);
    before = log;
  }
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, one) => sum + one, 0) / values.length;
  const squares = moves.map((move) => move * move);
  const average = mean(squares);
  expect(Math.sqrt(average) / volatility).toBeGreaterThan(0.7);
  expect(Math.sqrt(average) / volatility).toBeLessThan(1.4);
  const covariance = (lag: number): number =>
    mean(squares.slice(lag).map((square, n) => (square - average) * ((squares[n] ?? 0) - average)));
  expect(covariance(5) / covariance(0)).toBeGreaterThan(0.05);
  const moveCovariance = mean(moves.slice(1).map((move, n) => move * (moves[n] ?? 0))) / average;
  expect(Math.abs(moveCovariance)).toBeLessThan(0.05);
});

test('frameText() writes what the pipeline takes for trades', () => {
  const market = createMarket({ seed: 9, rate: 2_000, symbols: 40, startMs: START_MS });
  for (let step = 0; step < 200; step++) {
    for (const frame of market.step()) {
      const { type, data } = JSON.parse(frameText(frame));
      expect(type).toBe('trade');
      expect(data).toHaveLength(frame.length);
      data.forEach((entry: Record<string, unknown>, index: number) => {
        const judged = judgeFinnhubRecord('id', entry);
        const trade = frame[index];
        expect(judged).toMatchObject({
          kind: 'trade',
          trade: { symbol: trade?.instrument.symbol, eventTimeMs: trade?.eventTimeMs },
        });
      });
    }
  }
});
