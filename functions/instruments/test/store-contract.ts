import type { Instrument } from '@kandle/market/instrument/instrument';
import { RetryableError } from '@kandle/runtime/errors';
import { beforeEach, describe, expect, test } from 'vitest';
import type { InstrumentStore } from '../src/store.ts';

const T0 = 1_700_000_000_000;

/** What every store of instruments does. A feed of its own for each test: the store may be one for all. */
export function describeStore(name: string, open: () => InstrumentStore): void {
  describe(`instruments in ${name}`, () => {
    let feed = '';
    let number = 0;
    beforeEach(() => {
      number += 1;
      feed = `${name.toLowerCase()}${number}`;
    });
    const tried = (nowMs = T0, list = 'stocks:US') => ({ feed, list, nowMs });
    const one = (more: Partial<Instrument> = {}): Instrument => ({
      feed,
      list: 'stocks:US',
      id: 'figi:BBG1',
      ticker: 'AAPL',
      market: 'XNGS',
      currency: 'USD',
      type: 'Common Stock',
      description: "L'Oréal 'A' — \"x\" 株",
      figi: 'BBG1',
      isin: '',
      validFromMs: T0,
      validToMs: null,
      status: 'active',
      absences: 0,
      changedAtMs: T0,
      ...more,
    });
    const write = (changed: readonly Instrument[], nowMs = T0) =>
      open().refresh(tried(nowMs), () => ({ kind: 'taken', changed, leftOut: 0 }));

    test('gives back what was written, and the newest of each ticker to decide by', async () => {
      const closed = one({ ticker: 'B', validToMs: T0 + 1, status: 'inactive', absences: 2 });
      const reused = one({ ticker: 'B', validFromMs: T0 + 1, id: 'figi:BBG2' });
      await write([one(), closed, reused]);
      expect(await open().instruments(feed, 'stocks:US')).toEqual([one(), closed, reused]);
      let known: readonly Instrument[] = [];
      await open().refresh(tried(T0 + 5), (given) => {
        known = given.toSorted((a, b) => (a.ticker < b.ticker ? -1 : 1));
        return { kind: 'refused', reason: 'x' };
      });
      expect(known).toEqual([one(), reused]);
      expect(await open().instruments(feed, 'crypto:BINANCE')).toEqual([]);
    });

    test('changes a row that is written again', async () => {
      await write([one()]);
      await write([one({ description: 'new', validToMs: T0 + 9, status: 'inactive', absences: 2 })]);
      expect(await open().instruments(feed, 'stocks:US')).toMatchObject([
        { description: 'new', validToMs: T0 + 9, status: 'inactive', absences: 2 },
      ]);
    });

    test('lets no two instruments have a ticker at one time, and writes nothing then', async () => {
      await write([one()]);
      const others = [one({ ticker: 'C' }), one({ validFromMs: T0 + 1, id: 'figi:BBG2' })];
      await expect(write(others)).rejects.toThrow(RetryableError);
      expect(await open().instruments(feed, 'stocks:US')).toEqual([one()]);
      await write([one({ validToMs: T0 + 5, status: 'inactive' })]);
      await expect(write([one({ validFromMs: T0 + 4 })])).rejects.toThrow(RetryableError);
      await write([one({ validFromMs: T0 + 5 })]);
      // A change of the first that reaches into the second.
      await expect(write([one({ validToMs: T0 + 6, status: 'inactive' })])).rejects.toThrow(RetryableError);
      expect(await open().instruments(feed, 'stocks:US')).toHaveLength(2);
    });

    test('tells how the newest refresh ended, and when a list was last taken', async () => {
      expect(await open().outcome(feed, 'stocks:US')).toBeNull();
      await write([one(), one({ ticker: 'B', validToMs: T0 + 1, status: 'inactive' })]);
      await open().refresh(tried(T0 + 7), () => ({ kind: 'refused', reason: 'it shrank' }));
      const outcome = {
        feed,
        list: 'stocks:US',
        triedAtMs: T0 + 7,
        takenAtMs: T0,
        refusal: 'it shrank',
        active: 1,
      };
      expect(await open().outcome(feed, 'stocks:US')).toEqual(outcome);
      await write([], T0 + 9);
      expect(await open().outcome(feed, 'stocks:US')).toEqual({
        ...outcome,
        triedAtMs: T0 + 9,
        takenAtMs: T0 + 9,
        refusal: '',
      });
    });

    test('refreshes a feed once at a time', async () => {
      await write([one()]);
      await Promise.all(
        Array.from({ length: 5 }, () =>
          open().refresh(tried(), (known) => ({
            kind: 'taken',
            changed: known.map((known_) => ({ ...known_, absences: known_.absences + 1 })),
            leftOut: 0,
          })),
        ),
      );
      expect(await open().instruments(feed, 'stocks:US')).toMatchObject([{ absences: 5 }]);
    });

    test('holds what is not published until it is told, and again what has changed since', async () => {
      const [a, b] = [one(), one({ ticker: 'B', changedAtMs: T0 - 1 })];
      await write([a, b]);
      expect(await open().unpublished(feed, 10)).toEqual([b, a]);
      expect(await open().unpublished(feed, 1)).toEqual([b]);
      const changed = one({ absences: 1, changedAtMs: T0 + 1 });
      await write([changed]);
      // Told as it was before the change.
      await open().published([a, b]);
      expect(await open().unpublished(feed, 10)).toEqual([changed]);
      await open().published([changed]);
      expect(await open().unpublished(feed, 10)).toEqual([]);
      await open().publishAgain(feed);
      expect(await open().unpublished(feed, 10)).toEqual([b, changed]);
      expect(await open().unpublished(`${feed}-other`, 10)).toEqual([]);
    });

    test('keeps nothing of a decision that throws', async () => {
      const fails = open().refresh(tried(), () => {
        throw new RangeError('no');
      });
      await expect(fails).rejects.toThrow('no');
      expect(await open().outcome(feed, 'stocks:US')).toBeNull();
    });
  });
}
