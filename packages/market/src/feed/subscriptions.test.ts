import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createSubscriptions } from './subscriptions.ts';

const TOO_MANY = 'Subscribing to too many symbols';
const names = (count: number) => Array.from({ length: count }, (_, n) => `S${n}`);

test('the last symbols are refused, when the vendor says so often that they are too many', () => {
  const subscriptions = createSubscriptions(names(60));
  for (let n = 0; n < 10; n++) expect(subscriptions.refuse(TOO_MANY)).toBe(true);
  expect(subscriptions.subscribed()).toEqual(names(50));
  expect(subscriptions.refused()).toEqual(
    names(60)
      .slice(50)
      .map((symbol) => ({ symbol, reason: TOO_MANY })),
  );
  subscriptions.begin();
  expect(subscriptions.subscribed()).toEqual(names(60));
});

test.each([
  ['Invalid symbol AAPL', ['AAPL']],
  ['AAPL: no such symbol', ['AAPL']],
  ["You cannot subscribe to 'BINANCE:BTCUSDT'.", ['BINANCE:BTCUSDT']],
  ['Invalid symbol', []],
  ['Invalid API key', []],
])('refuse(%j) refuses the symbol that it names', (message, refused) => {
  const subscriptions = createSubscriptions(['AAPL', 'BINANCE:BTCUSDT', 'MSFT']);
  expect(subscriptions.refuse(message)).toBe(refused.length > 0);
  expect(subscriptions.refused().map(({ symbol }) => symbol)).toEqual(refused);
});

test('what is heard is never refused, and as many are refused as the vendor said, if so many are silent', () => {
  const events = fc.array(fc.oneof(fc.nat(19), fc.constant(null)), { maxLength: 60 });
  fc.assert(
    fc.property(events, (list) => {
      const subscriptions = createSubscriptions(names(20));
      const heard = new Set<string>();
      let refusals = 0;
      for (const event of list) {
        if (event === null) {
          subscriptions.refuse(TOO_MANY);
          refusals += 1;
        } else {
          subscriptions.heard(`S${event}`);
          heard.add(`S${event}`);
        }
        const refused = subscriptions.refused().map(({ symbol }) => symbol);
        expect(refused.filter((symbol) => heard.has(symbol))).toEqual([]);
        expect(refused.length).toBeLessThanOrEqual(refusals);
        expect(refused.length + subscriptions.subscribed().length).toBe(20);
      }
      if (heard.size === 0) expect(subscriptions.refused()).toHaveLength(Math.min(refusals, 20));
      else if (refusals + heard.size < 20) expect(subscriptions.refused()).toHaveLength(refusals);
    }),
  );
});
