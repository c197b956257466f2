import { makeSinkRun } from '@kandle/testkit/sink/sink-events';
import { expect, test } from 'vitest';
import { EVENT_TYPES } from '../event/topics.ts';
import { readSinkEvent, SINK_TYPES, type SinkEvent } from './sink-event.ts';

const kinds = {
  trades: () => 'trades',
  candles: () => 'candles',
  indicators: () => 'indicators',
} as const;
const { events } = makeSinkRun('test', 1);

function eventOf(type: string): SinkEvent {
  const { data, extensions = {} } = events.find((event) => event.type === type) ?? {};
  return { type, data, attributes: extensions };
}

test('readSinkEvent() reads each kind of batch, and of others keeps nothing', () => {
  const read = SINK_TYPES.map((type) => [type, readSinkEvent(eventOf(type), kinds)]);
  expect(Object.fromEntries(read)).toEqual({
    [EVENT_TYPES.trades]: 'trades',
    [EVENT_TYPES.candles]: 'candles',
    [EVENT_TYPES.indicators]: 'indicators',
    [EVENT_TYPES.signals]: null,
    [EVENT_TYPES.books]: null,
    [EVENT_TYPES.news]: null,
    [EVENT_TYPES.feedGap]: null,
  });
});

test('readSinkEvent() refuses what is malformed', () => {
  for (const type of [EVENT_TYPES.trades, EVENT_TYPES.candles, EVENT_TYPES.indicators])
    expect(() => readSinkEvent({ ...eventOf(type), data: { shard: 'nobody' } }, kinds)).toThrow();
});
