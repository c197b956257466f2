import { EVENT_TYPES, TOPICS } from '@kandle/market/event/topics';
import type { KafkaMessage } from 'kafkajs';
import { describe, expect, test } from 'vitest';
import { isRefused, originalHeaders, readDeadLetter } from './dead-letter.ts';
import { letterKey } from './ledger.ts';
import { listByReason } from './listing.ts';
import { parseRedriveOptions } from './options.ts';
import { originOf } from './origin.ts';
import { fateOf, type Filter, matches } from './select.ts';

const NOW_MS = Date.parse('2026-11-25T12:00:00Z');

function message(headers: Record<string, string>): KafkaMessage {
  return {
    key: Buffer.from('sim-03'),
    value: Buffer.from('{}'),
    timestamp: String(NOW_MS - 3_600_000),
    attributes: 0,
    offset: '7',
    headers: {
      ce_id: '17:sim-03:4',
      ce_type: EVENT_TYPES.trades,
      ce_shard: 'sim-03',
      ce_knativekafkaoffset: '99',
      ce_knativekafkapartition: '3',
      ce_knativeerrordest: 'http://aggregate.kandle.svc.cluster.local',
      'content-type': 'application/json',
      ...headers,
    },
  };
}

const letterOf = (headers: Record<string, string>) => readDeadLetter(3, message(headers));
const data = (text: string): string => Buffer.from(text).toString('base64');

test('readDeadLetter() reads where it was going, the answer and the event, whatever is missing', () => {
  const letter = letterOf({
    ce_knativeerrorcode: '503',
    ce_knativeerrordata: data('Cannot write a window: away'),
  });
  expect(letter).toEqual({
    partition: 3,
    offset: '7',
    givenUpMs: NOW_MS - 3_600_000,
    id: '17:sim-03:4',
    type: EVENT_TYPES.trades,
    shard: 'sim-03',
    destination: 'aggregate',
    status: 503,
    reason: 'Cannot write a window: away',
  });
  expect(letterOf({})).toMatchObject({ status: null, reason: '' });
  const bare: KafkaMessage = {
    key: null,
    value: null,
    timestamp: '0',
    attributes: 0,
    offset: '1',
    headers: {},
  };
  expect(readDeadLetter(0, bare)).toMatchObject({ id: '', type: '', shard: '', destination: '' });
});

test('originalHeaders() gives back the event as it first was', () => {
  const added = message({ ce_knativeerrorcode: '503', ce_knativeerrordata: 'eA==' });
  expect(originalHeaders(added.headers)).toEqual({
    ce_id: '17:sim-03:4',
    ce_type: EVENT_TYPES.trades,
    ce_shard: 'sim-03',
    'content-type': 'application/json',
  });
});

describe('originOf()', () => {
  test.each([
    [EVENT_TYPES.rawTrades, 'transform', TOPICS.raw],
    ['io.kandle.news.raw.v1', 'transform', TOPICS.raw],
    [EVENT_TYPES.trades, 'aggregate', TOPICS.trades],
    ['io.kandle.news.v1', 'aggregate', TOPICS.trades],
    [EVENT_TYPES.candles, 'signal', TOPICS.candles],
    [EVENT_TYPES.signals, 'persist', TOPICS.signals],
    [EVENT_TYPES.instrument, 'persist', TOPICS.instruments],
    [EVENT_TYPES.instrumentList, 'persist', TOPICS.instruments],
    [EVENT_TYPES.feedGap, 'transform', TOPICS.raw],
    [EVENT_TYPES.feedGap, 'persist', TOPICS.raw],
    [EVENT_TYPES.rawTrades, 'persist', TOPICS.raw],
    ['dev.knative.kafka.event', 'transform', null],
    ['', 'aggregate', null],
  ])('sends %s that %s did not take to %s', (type, destination, topic) => {
    expect(originOf({ type, destination })).toBe(topic);
  });
});

test.each([
  ['503', false],
  ['429', false],
  ['404', false],
  ['422', true],
  ['413', true],
  ['302', true],
])('isRefused() of status %s is %s', (status, refused) => {
  expect(isRefused(letterOf({ ce_knativeerrorcode: status }))).toBe(refused);
  expect(isRefused(letterOf({}))).toBe(false);
});

test('fateOf() sends a letter once, a refused one only when asked, and nothing that came from nowhere', () => {
  const filter = { includeRefused: false };
  const letter = letterOf({ ce_knativeerrorcode: '503' });
  const poison = letterOf({ ce_knativeerrorcode: '422' });
  expect(fateOf(letter, filter, new Set())).toBe('send');
  expect(fateOf(letter, filter, new Set([letterKey(letter)]))).toBe('redriven before');
  // A topic that was made again: the same place, another event.
  expect(fateOf(letter, filter, new Set([letterKey({ ...letter, id: 'other' })]))).toBe('send');
  expect(fateOf(poison, filter, new Set())).toBe('refused for ever');
  expect(fateOf(poison, { includeRefused: true }, new Set())).toBe('send');
  expect(fateOf(letterOf({ ce_type: 'dev.knative.kafka.event' }), filter, new Set())).toBe('from nowhere');
});

function filterOf(args: readonly string[]): Filter {
  const filter = parseRedriveOptions(args, NOW_MS)?.filter;
  if (filter === undefined) throw new Error('only the help');
  return filter;
}

test('matches() takes what every given filter takes', () => {
  const letter = letterOf({ ce_knativeerrorcode: '503', ce_knativeerrordata: data('lost every race') });
  const wanted = (...args: string[]): boolean => matches(letter, filterOf(args));
  expect(wanted()).toBe(true);
  expect(wanted('--reason', 'every race', '--dest', 'aggregate', '--type', EVENT_TYPES.trades)).toBe(true);
  expect(wanted('--reason', '503', '--id', '17:sim-03:4', '--since', '2h')).toBe(true);
  expect(wanted('--reason', 'none')).toBe(false);
  expect(wanted('--dest', 'persist')).toBe(false);
  expect(wanted('--since', '30m')).toBe(false);
  expect(wanted('--since', '2026-11-25T10:59:00Z')).toBe(true);
  expect(wanted('--id', '17:sim-03:5')).toBe(false);
});

test.each([['--since', 'yesterday'], ['--sinse', '2h'], ['--reason'], ['--type', 'x', '--rejects']])(
  'parseRedriveOptions() refuses %s %s',
  (...args) => {
    expect(() => parseRedriveOptions(args, NOW_MS)).toThrow(args[0]);
  },
);

test('listByReason() puts reasons together that differ in their numbers only', () => {
  const letters = ['1', '2'].map((n) => ({
    letter: letterOf({
      ce_id: n,
      ce_knativeerrorcode: '503',
      ce_knativeerrordata: data(`window ${n}000 is away`),
    }),
    fate: 'send' as const,
  }));
  const lines = listByReason(letters);
  expect(lines[0]).toBe(
    `2 × aggregate did not take ${EVENT_TYPES.trades} (2026-11-25T11:00:00.000Z to 2026-11-25T11:00:00.000Z)`,
  );
  expect(lines[1]).toBe('    503 window 1000 is away');
  expect(lines[2]).toBe(`    goes to ${TOPICS.trades}; for example 1`);
  expect(listByReason([])).toEqual(['There are no dead letters that match.']);
});
