import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseTwelveDataFrame } from './frame.ts';

const parse = (frame: unknown) => parseTwelveDataFrame(JSON.stringify(frame));

describe('parseTwelveDataFrame()', () => {
  test('reads a price as a look at the market: seconds, no size, the volume of the day', () => {
    const share = {
      event: 'price',
      symbol: 'AAPL',
      currency: 'USD',
      exchange: 'NASDAQ',
      mic_code: 'XNGS',
      type: 'Common Stock',
      timestamp: 1_680_286_328,
      price: 164.13,
      day_volume: 29_666_927,
    };
    expect(parse(share)).toEqual({
      kind: 'trade',
      entries: [{ s: 'AAPL', p: 164.13, t: 1_680_286_328_000, dv: 29_666_927 }],
    });
    const pair = { event: 'price', symbol: 'EUR/USD', timestamp: 1_652_438_893, price: 1.04 };
    expect(parse(pair)).toEqual({
      kind: 'trade',
      entries: [{ s: 'EUR/USD', p: 1.04, t: 1_652_438_893_000, dv: null }],
    });
  });

  test('takes a warning for what it is: some came through, others did not', () => {
    const success = [{ symbol: 'AMZN', exchange: 'NASDAQ' }];
    const fails = [{ symbol: '1211', message: 'You are not authorized to access XHKG data.' }];
    const refused = [{ symbol: '1211', reason: 'You are not authorized to access XHKG data.' }];
    expect(parse({ event: 'subscribe-status', status: 'warning', success, fails })).toEqual({
      kind: 'subscribed',
      refused,
    });
  });

  test.each([
    [{ status: 'ok', success: [{ symbol: 'BTC/USD' }], fails: null }, []],
    [{ status: 'ok', success: [{ symbol: 'BTC/USD' }] }, []],
    [{ status: 'error', success: null, fails: [{ symbol: 'BTC' }] }, ['BTC']],
    [{ status: 'error', fails: ['A', { symbol: 'B' }, null, 7, { symbol: 8 }] }, ['A', 'B']],
    [{ status: 'warning', fails: { symbol: 'C' } }, ['C']],
  ])('reads the refusals of %j', (status, symbols) => {
    const frame = parse({ event: 'subscribe-status', ...status });
    expect(frame.kind === 'subscribed' ? frame.refused.map(({ symbol }) => symbol) : null).toEqual(symbols);
  });

  test.each([
    [
      { event: 'heartbeat', status: 'ok' },
      { kind: 'ping', passedMs: 0, recvMs: null },
    ],
    [
      { event: 'reset-status', status: 'ok' },
      { kind: 'ping', passedMs: 0, recvMs: null },
    ],
    [
      { status: 'error', code: 401, message: 'bad key' },
      { kind: 'error', message: '401 bad key' },
    ],
    [{ message: 'limit' }, { kind: 'error', message: 'limit' }],
    [
      { event: 'subscribe-status', status: 'error' },
      { kind: 'error', message: 'a subscription was refused' },
    ],
    [{ event: 'new' }, { kind: 'unknown', type: 'new' }],
    [{}, { kind: 'bad', detail: 'frame without an event' }],
    [[], { kind: 'bad', detail: 'not a JSON object' }],
    [null, { kind: 'bad', detail: 'not a JSON object' }],
  ])('reads %j', (frame, read) => {
    expect(parse(frame)).toEqual(read);
  });

  test('leaves a price without a time or a symbol to the judge', () => {
    expect(parse({ event: 'price' })).toEqual({
      kind: 'trade',
      entries: [{ s: undefined, p: undefined, t: null, dv: null }],
    });
  });

  test('has an answer to whatever comes', () => {
    const odd = fc.record(
      {
        event: fc.constantFrom('price', 'subscribe-status', 'heartbeat', 'x', undefined),
        status: fc.constantFrom('ok', 'error', 'warning', 7),
        fails: fc.jsonValue(),
        message: fc.jsonValue(),
        timestamp: fc.jsonValue(),
        symbol: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(
        fc.oneof(
          odd.map((frame) => JSON.stringify(frame)),
          fc.json(),
          fc.string(),
        ),
        (text) => {
          expect(parseTwelveDataFrame(text).kind).toMatch(/trade|subscribed|ping|error|unknown|bad/);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
