import { expect, test } from 'vitest';
import type { FeedLine, IngestStatus } from '@kandle/stand-in/ingest-process';
import type { ServiceStats } from '@kandle/stand-in/serving/service';
import { createCandleBoard } from './candle-board.ts';
import { createSignalBoard } from './signal-board.ts';
import { plainLine, summaryLines } from './plain-lines.ts';
import { createRunFacts } from './run-facts.ts';

const T0 = 1_900_000_000_000;

const stats = (changes: Partial<ServiceStats> = {}): ServiceStats => ({
  name: 'persist',
  ready: 1,
  starting: 0,
  inFlight: 0,
  requests: 0,
  coldStarts: 1,
  lastStartMs: 280,
  crashes: 0,
  p99Ms: 12,
  pids: [1],
  ...changes,
});

const line = (changes: Partial<FeedLine> = {}): FeedLine => ({
  feed: 'sim',
  connected: true,
  away: null,
  market: 'open',
  ...changes,
});

const status = (changes: Partial<IngestStatus> = {}): IngestStatus => ({
  connected: true,
  feeds: [line()],
  records: 0,
  rejected: 0,
  duplicates: 0,
  dropped: 0,
  buffered: 0,
  waiting: 0,
  refused: [],
  priceOnly: [],
  repeatedFrames: 0,
  ended: false,
  drained: false,
  ...changes,
});

function begin() {
  let isSilent = false;
  let service = stats({ ready: 0, coldStarts: 0, lastStartMs: null });
  const source = { delivered: 0, retries: 0, deadLettered: 0, dropped: 0 };
  const facts = createRunFacts(
    {
      feed: { name: 'a market', symbolCount: 3, tradeCount: null, isSilent: () => isSilent },
      services: [{ stats: () => service }],
      sources: [
        {
          plan: { name: 'persist-trades', topic: 'market.raw.v1', sink: 'persist' },
          stats: () => source,
        },
      ],
      board: createCandleBoard(true),
      signals: createSignalBoard(),
      metrics: () => ({ rejects: 1, deadLetters: 2 }),
      idleMs: 30_000,
    },
    T0,
  );
  return {
    facts,
    source,
    setSilent: (value: boolean) => {
      isSilent = value;
    },
    setService: (changes: Partial<ServiceStats>) => {
      service = stats(changes);
    },
    look: (second: number, found: IngestStatus | null = status()) =>
      facts.look({
        status: found,
        lags: new Map([['persist-trades', 4]]),
        nowMs: T0 + second * 1_000,
      }),
  };
}

test('says when a function goes to sleep and when it wakes up, once each', () => {
  const { look, setService } = begin();
  expect(look(0)).toEqual([]);
  setService({ ready: 0, starting: 1, lastStartMs: null });
  expect(look(1)).toEqual([]);
  setService({});
  expect(look(2)).toEqual(['persist woke up (cold start 280 ms)']);
  expect(look(3)).toEqual([]);
  setService({ ready: 0 });
  expect(look(40)).toEqual(['persist is asleep (idle 30 s)']);
  expect(look(41)).toEqual([]);
});

test('tells how fast things go, and how the feed is', () => {
  const { facts, look, setService, source, setSilent } = begin();
  for (let second = 0; second <= 10; second++) {
    setService({ requests: second * 30 });
    source.delivered = second * 20;
    look(second, status({ records: second * 100 }));
  }
  expect(facts.state(T0 + 10_000)).toMatchObject({
    upMs: 10_000,
    feed: { status: 'trading', trades: 1_000, tradesPerSecond: 100 },
    functions: [{ name: 'persist', requestsPerSecond: 30 }],
    sources: [
      { name: 'persist-trades', topic: 'market.raw.v1', sink: 'persist', eventsPerSecond: 20, lag: 4 },
    ],
    rejects: 1,
    deadLetters: 2,
  });
  look(20, status({ records: 1_000 }));
  expect(facts.state(T0 + 20_000).feed.status).toBe('quiet');
  setSilent(true);
  expect(facts.state(T0 + 20_000).feed.status).toBe('silent');
  setSilent(false);
  look(20, status({ records: 1_000, feeds: [line({ market: 'closed' })] }));
  expect(facts.state(T0 + 20_000).feed.status).toBe('market closed');
  look(20, status({ records: 1_000, feeds: [line({ market: 'closed' }), line({ market: 'unknown' })] }));
  expect(facts.state(T0 + 20_000).feed.status).toBe('quiet');
  look(21, status({ connected: false, records: 1_000, feeds: [line({ connected: false })] }));
  expect(facts.state(T0 + 21_000).feed.status).toBe('not connected');
  look(22, null);
  expect(facts.state(T0 + 22_000).feed).toMatchObject({ status: 'not connected', trades: 1_000 });
  look(23, status({ ended: true, connected: false, records: 1_000 }));
  expect(facts.state(T0 + 23_000).feed.status).toBe('ended');
});

test('names the feed that is away, while the others trade, and says its words once', () => {
  const { facts, look } = begin();
  const away = { reason: 'too many requests', refused: true, untilMs: Date.UTC(2026, 10, 29, 10, 3, 12) };
  const feeds = [line(), line({ feed: 'yahoo', connected: false, away })];
  expect(look(0, status({ connected: false, records: 1, feeds }))).toEqual([
    'yahoo is refused: too many requests',
  ]);
  expect(facts.state(T0).feed).toMatchObject({ status: 'trading', away: [{ feed: 'yahoo', ...away }] });
  expect(plainLine(facts.state(T0))).toContain(', yahoo refused until 10:03:12 (too many requests), ');
  const later = { ...away, untilMs: away.untilMs + 60_000 };
  expect(
    look(1, status({ feeds: [line(), line({ feed: 'yahoo', connected: false, away: later })] })),
  ).toEqual([]);
  look(2, status({ feeds: [line(), line({ feed: 'yahoo' })] }));
  expect(facts.state(T0 + 2_000).feed.away).toEqual([]);
});

test('puts all of it into a line, and into a summary', () => {
  const { facts, look, setService } = begin();
  look(0);
  setService({ requests: 60, crashes: 1 });
  look(2, status({ records: 400 }));
  expect(plainLine(facts.state(T0 + 2_000))).toBe(
    '2 s: trading, 400 trades (200/s), 0 final candles of 0 symbols, persist 30/s p99 12 ms, 4 events waiting, 1 reject, 2 dead letters, 0 signals',
  );
  setService({ ready: 0 });
  look(3, status({ records: 400 }));
  expect(plainLine(facts.state(T0 + 3_000))).toContain('persist asleep');
  expect(summaryLines(facts.state(T0 + 3_000), false)).toEqual([
    'The run was ended.',
    '3.0 s since "ready": 400 trades received, 0 final candles of 0 symbols, 1 reject; 0 deliveries tried again, 2 dead letters, 0 dropped.',
    'Cold starts: persist 1 (the last 280 ms).',
  ]);
});

test('plainLine() tells of the first symbol’s indicators and the newest signal', () => {
  const { facts } = begin();
  const line = plainLine({
    ...facts.state(T0),
    symbols: [
      {
        symbol: 'SIM:A',
        candle: { open: 1, high: 1, low: 1, close: 1.5, volume: 1 },
        priceDigits: 1,
        tradesPerSecond: 2,
        lagMs: 0,
        closes: [1.5],
        indicators: { ma: 1.44, ema: null, rsi: 71.26 },
      },
    ],
    signalCount: 1,
    signals: [{ windowStartMs: T0, side: 'sell', text: 'SIM:A is overbought.', isRetracted: true }],
  });
  expect(line).toContain('MA 1.4 RSI 71.3');
  expect(line).toMatch(/1 signal, the newest: \(taken back\) SIM:A is overbought\.$/);
});

test('names the symbols that the feed refuses, once they are all known, and those without a trade', () => {
  const { facts, look } = begin();
  const refused = ['X', 'Y'].map((symbol) => ({ symbol, reason: 'too many symbols' }));
  look(1, status({ refused: refused.slice(0, 1) }));
  expect(look(1.5, status({ refused }))).toEqual([]);
  expect(look(2.6, status({ refused }))).toEqual([
    '2 symbols refused: X (too many symbols), Y (too many symbols). The others go on',
  ]);
  expect(look(4, status({ refused }))).toEqual([]);
  look(5, status({ refused, priceOnly: ['EUR'], repeatedFrames: 19 }));
  expect(look(6, status({ refused, priceOnly: ['EUR'], repeatedFrames: 20 }))).toEqual([
    '1 symbol with a volume of 0 only, and so with candles of prices: EUR',
    expect.stringContaining('DROP_REPEATED_FRAMES=true'),
  ]);
  expect(look(9, status({ refused, priceOnly: ['EUR'], repeatedFrames: 99 }))).toEqual([]);
  const state = facts.state(T0 + 9_000);
  expect(state.feed).toMatchObject({ refusedCount: 2, priceOnlyCount: 1 });
  expect(plainLine(state)).toContain('2 symbols refused, 1 symbol without a trade');
});
