import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { judgeBookRecord } from '../finnhub/book.ts';
import { judgeNewsRecord } from '../finnhub/news.ts';
import { parseNdjsonLine } from './frame.ts';
import {
  GENERATED_BARS,
  GENERATED_TRADES,
  isSampled,
  type NdjsonMapping,
  NdjsonMappingSchema,
} from './mapping.ts';

const parse = (record: unknown, mapping: NdjsonMapping) => parseNdjsonLine(JSON.stringify(record), mapping);
const mapped = (...rules: readonly unknown[]) => NdjsonMappingSchema.parse(rules);

const TICKS = mapped(
  {
    kind: 'sample',
    when: { type: 'market_data' },
    each: 'data',
    symbol: 'symbol',
    price: 'last',
    dayVolume: 'volume',
    time: { name: 'timestamp', unit: 'iso' },
  },
  { kind: 'ignore', when: { type: 'welcome' } },
);

describe('parseNdjsonLine()', () => {
  test('reads a list of looks in a line, as a public simulator sends them', () => {
    const data = [
      { symbol: 'AAPL', timestamp: '2026-11-29T10:00:00.250Z', last: 150.25, volume: 1_000 },
      { symbol: 'MSFT', timestamp: '2026-11-29T10:00:00+01:00', last: '99.50', volume: '7' },
    ];
    expect(parse({ type: 'market_data', data }, TICKS)).toEqual({
      kind: 'trade',
      entries: [
        { s: 'AAPL', p: 150.25, t: Date.UTC(2026, 10, 29, 10, 0, 0, 250), dv: 1_000 },
        { s: 'MSFT', p: 99.5, t: Date.UTC(2026, 10, 29, 9), dv: 7 },
      ],
    });
    expect(parse({ type: 'welcome' }, TICKS)).toEqual({ kind: 'ping', passedMs: 0, recvMs: null });
    expect(parse({ type: 'bye' }, TICKS)).toEqual({ kind: 'unknown', type: 'bye' });
    expect(parse({ type: 'market_data', data: 7 }, TICKS)).toEqual({
      kind: 'bad',
      detail: 'data is no list',
    });
  });

  test('reads a trade by the names of its mapping, in whatever unit its time is', () => {
    const at = 1_723_161_255_342;
    for (const [unit, value] of [
      ['ms', at],
      ['s', at / 1_000],
      ['us', at * 1_000],
      ['ns', `${at}999999`],
      ['ms', String(at)],
      ['iso', '2024-08-08T23:54:15.342Z'],
    ] as const) {
      const rule = {
        kind: 'trade',
        symbol: 'i.name',
        price: 'px',
        size: 'q',
        id: 'n',
        time: { name: 'when', unit },
      };
      const record = { i: { name: 'BTC' }, px: '61837.63', q: 0.01, n: 7, when: value };
      expect(parse(record, mapped(rule))).toEqual({
        kind: 'trade',
        entries: [{ s: 'BTC', p: 61_837.63, t: at, v: 0.01, i: 7 }],
      });
    }
  });

  test('leaves what it cannot read to the judge', () => {
    const time = { name: 't', unit: 'iso' };
    const rule = mapped({ kind: 'trade', symbol: 's', price: 'p', size: 'v', time });
    // Without an offset nobody knows when it was, and no number stands for this price exactly.
    const record = { s: 'A', p: '123456789012.123456789', v: '1e5', t: '2026-11-29T10:00:00' };
    expect(parse(record, rule)).toMatchObject({ entries: [{ s: 'A', v: '1e5', t: '2026-11-29T10:00:00' }] });
    expect(parse({ p: '900719925474099.12345678' }, rule)).toMatchObject({
      entries: [{ s: null, p: '900719925474099.12345678', t: null, v: null }],
    });
    expect(parse(JSON.parse('{"__proto__":{"s":"A"}}'), rule)).toMatchObject({ entries: [{ s: null }] });
  });

  test('takes a bar for four looks, whose candle is the bar', () => {
    const bar = {
      type: 'ohlc',
      symbol: 'GEN:A',
      start: '2026-11-29T10:00:00Z',
      open: 10,
      high: 12,
      low: 9,
      close: 11,
      volume: 500,
    };
    const start = Date.UTC(2026, 10, 29, 10);
    const look = (p: number, offsetMs: number, v: number | null) => ({
      s: 'GEN:A',
      p,
      t: start + offsetMs,
      dv: null,
      v,
    });
    const looks = [look(10, 0, null), look(12, 500, null), look(9, 500, null), look(11, 999, 500)];
    expect(parse(bar, GENERATED_BARS)).toEqual({ kind: 'trade', entries: looks });
    const atEnd = mapped({
      kind: 'bar',
      symbol: 'symbol',
      open: 'open',
      high: 'high',
      low: 'low',
      close: 'close',
      volume: 'volume',
      time: { name: 'end', unit: 'ms', at: 'end' },
      lengthMs: 1_000,
    });
    expect(parse({ ...bar, end: start + 1_000 }, atEnd)).toEqual({ kind: 'trade', entries: looks });
  });

  test('reads books and news as the pipeline takes them', () => {
    const time = '2026-11-29T10:00:00.500Z';
    const book = { type: 'book', symbol: 'A', time, bids: [['1.5', 2]], asks: [[1.6, '3']] };
    const read = parse(book, GENERATED_BARS);
    expect(read).toMatchObject({ kind: 'book', entries: [{ s: 'A', b: [[1.5, 2]], a: [[1.6, 3]] }] });
    expect(judgeBookRecord(Object(read.kind === 'book' ? read.entries[0] : null))).toMatchObject({
      kind: 'items',
    });
    const level = { price: 'p', size: 'q' };
    const named = mapped({
      kind: 'book',
      symbol: 's',
      time: { name: 't', unit: 'ms' },
      bids: 'b',
      asks: 'a',
      level,
    });
    const deep = { s: 'A', t: 1, b: [{ p: 1, q: 2 }], a: [{ p: 2, q: 1 }] };
    expect(parse(deep, named)).toMatchObject({ entries: [{ b: [[1, 2]], a: [[2, 1]] }] });

    const news = { type: 'news', id: 7, time, headline: 'Up', symbols: ['A', 'B'], sentiment: 0.5 };
    const item = parse(news, GENERATED_BARS);
    expect(judgeNewsRecord(Object(item.kind === 'news' ? item.entries[0] : null))).toMatchObject({
      kind: 'items',
      items: [
        { symbol: 'A', headline: 'Up', sentiment: 0.5 },
        { symbol: 'B', eventTimeMs: Date.UTC(2026, 10, 29, 10) },
      ],
    });
  });

  test('has an answer to whatever comes', () => {
    const rules = fc.constantFrom(TICKS, GENERATED_BARS, GENERATED_TRADES);
    const odd = fc.record(
      {
        type: fc.constantFrom('market_data', 'ohlc', 'book', 'news', 'trade', 'welcome', 'x'),
        data: fc.jsonValue(),
        bids: fc.jsonValue(),
        asks: fc.jsonValue(),
        symbols: fc.jsonValue(),
        time: fc.jsonValue(),
        start: fc.oneof(fc.jsonValue(), fc.constant('2026-11-29T10:00:00Z')),
        close: fc.oneof(fc.jsonValue(), fc.constant('1.5')),
      },
      { requiredKeys: [] },
    );
    const texts = fc.oneof(
      odd.map((record) => JSON.stringify(record)),
      fc.json(),
      fc.string({ unit: 'binary' }),
    );
    fc.assert(
      fc.property(texts, rules, (text, mapping) => {
        expect(parseNdjsonLine(text, mapping).kind).toMatch(/trade|book|news|ping|unknown|bad/);
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('NdjsonMappingSchema', () => {
  const bar = {
    kind: 'bar',
    symbol: 's',
    open: 'o',
    high: 'h',
    low: 'l',
    close: 'c',
    time: { name: 't', unit: 'ms' },
    lengthMs: 1_000,
  };
  const trade = { kind: 'trade', symbol: 's', price: 'p', size: 'v', time: { name: 't', unit: 'ms' } };

  test.each([
    [[], 'too_small'],
    [[{ ...bar, lengthMs: 60_000 }], 'of longer bars the candles would be made up'],
    [[bar, trade], 'trades beside samples or bars'],
    [[{ ...trade, prise: 'p' }], 'prise'],
    [[{ ...trade, time: { name: 't', unit: 'days' } }], 'unit'],
    [[{ ...trade, price: '' }], 'expected the name of a field'],
  ])('refuses %j', (rules, word) => {
    const parsed = NdjsonMappingSchema.safeParse(rules);
    expect(JSON.stringify(parsed.error?.issues)).toContain(word);
  });

  test('knows a feed of looks from one of trades', () => {
    expect([GENERATED_BARS, GENERATED_TRADES, TICKS].map(isSampled)).toEqual([true, false, true]);
  });
});
