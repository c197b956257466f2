import { expect, test } from 'vitest';
import type { Instrument, ListOutcome } from './instrument.ts';
import {
  formatInstrument,
  formatListOutcome,
  parseInstrument,
  parseListOutcome,
} from './instrument-events.ts';

const T0 = 1_700_000_000_000;
const INSTRUMENT: Instrument = {
  feed: 'finnhub',
  list: 'crypto:BINANCE',
  id: 'ticker:BINANCE:币安@2023-11-14',
  ticker: 'BINANCE:币安',
  market: 'BINANCE',
  currency: 'USDT',
  type: 'crypto',
  description: 'a "pair"',
  figi: '',
  isin: '',
  validFromMs: T0,
  validToMs: null,
  status: 'active',
  absences: 1,
  changedAtMs: T0 + 5,
};
const OUTCOME: ListOutcome = {
  feed: 'finnhub',
  list: 'stocks:US',
  triedAtMs: T0 + 9,
  takenAtMs: T0,
  refusal: 'the list is empty',
  active: 7,
};

test('formatInstrument() keeps one key for a time under a ticker, in plain characters, and says each change', () => {
  const event = formatInstrument(INSTRUMENT);
  expect(event).toMatchObject({
    id: `finnhub/BINANCE%3A%E5%B8%81%E5%AE%89/${T0}@${T0 + 5}`,
    source: '/feeds/finnhub',
    type: 'io.kandle.instrument.v1',
    key: `finnhub/BINANCE%3A%E5%B8%81%E5%AE%89/${T0}`,
  });
  expect(parseInstrument(JSON.parse(JSON.stringify(event.data)))).toEqual(INSTRUMENT);
  const changed = formatInstrument({ ...INSTRUMENT, changedAtMs: T0 + 6 });
  expect([changed.key === event.key, changed.id === event.id]).toEqual([true, false]);
  expect(formatInstrument({ ...INSTRUMENT, validFromMs: T0 + 1 }).key).not.toBe(event.key);
});

test('formatListOutcome() has the list as its key', () => {
  const event = formatListOutcome(OUTCOME);
  expect(event).toMatchObject({ type: 'io.kandle.instruments.list.v1', key: 'finnhub/stocks%3AUS' });
  expect(parseListOutcome(JSON.parse(JSON.stringify(event.data)))).toEqual(OUTCOME);
});

test('parseInstrument() and parseListOutcome() refuse what is none', () => {
  for (const wrong of [
    { ticker: ' A' },
    { feed: 'No feed' },
    { validToMs: T0 - 1 },
    { status: 'gone' },
    { changedAtMs: -1 },
  ])
    expect(() => parseInstrument({ ...INSTRUMENT, ...wrong })).toThrow();
  expect(() => parseListOutcome({ ...OUTCOME, active: 1.5 })).toThrow();
});
