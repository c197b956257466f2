import { expect, test } from 'vitest';
import { createDeadLetters, type DeadLetters } from './dead-letters.ts';
import type { TopicEvent } from './raw-batch.ts';
import { createRedriven } from './redriven.ts';

const BATCH = { epoch: 1, sequence: 7 };
const ID = '1:test-00:7';
const BOTH = ['transform', 'aggregate'];

function letter(offset: number, by: string, id = ID): TopicEvent {
  const attributes = { id, type: 'io.kandle.trades.v1', knativeerrordest: `http://${by}.kandle.svc` };
  return { partition: 3, offset, attributes, value: new Uint8Array() };
}

/** @param sentAgain Offsets of letters in the ledger. */
function lettersOf(letters: readonly TopicEvent[], sentAgain: readonly number[], id = ID): DeadLetters {
  const redriven = createRedriven();
  for (const offset of sentAgain) {
    const entry = { partition: 3, offset: String(offset), id, sentTo: 'market.trades.v1', sentAtMs: 1 };
    redriven.add({ value: Buffer.from(JSON.stringify(entry)) });
  }
  const dead = createDeadLetters(redriven);
  for (const each of letters) dead.add(each);
  return dead;
}

test('a letter waits until it was sent again; what is missing then, is missing for another reason', () => {
  const waiting = lettersOf([letter(4, 'aggregate')], []);
  expect(waiting.isWaiting('test-00', BATCH, BOTH)).toBe(true);
  expect(waiting.isWaiting('test-00', BATCH, ['persist'])).toBe(false);
  expect(waiting.isMissed(ID, BOTH)).toBe(true);
  expect(waiting.all()).toMatchObject([{ destination: 'aggregate', isRedriven: false, isMissed: true }]);

  const redriven = lettersOf([letter(4, 'aggregate')], [4]);
  expect(redriven.isWaiting('test-00', BATCH, BOTH)).toBe(false);
  expect(redriven.isMissed(ID, BOTH)).toBe(false);
  expect(redriven.all()).toMatchObject([{ isRedriven: true, isMissed: false }]);
});

test('a letter waits, when it was sent again and given up again, by the same function or by another', () => {
  expect(lettersOf([letter(4, 'aggregate'), letter(9, 'aggregate')], [4]).isMissed(ID, BOTH)).toBe(true);
  expect(lettersOf([letter(9, 'aggregate'), letter(4, 'aggregate')], [4]).isMissed(ID, BOTH)).toBe(true);
  expect(lettersOf([letter(4, 'transform'), letter(9, 'aggregate')], [4]).isMissed(ID, BOTH)).toBe(true);
  expect(lettersOf([letter(4, 'aggregate'), letter(9, 'aggregate')], [4, 9]).isMissed(ID, BOTH)).toBe(false);
});

test('a letter waits, when the ledger speaks of another one: of another topic at that place, of a refused record', () => {
  expect(lettersOf([letter(4, 'aggregate')], [4], 'other').isMissed(ID, BOTH)).toBe(true);
  const redriven = createRedriven();
  const batch = { shard: 'test-00', epoch: 1, sequence: 1 };
  redriven.add({ value: Buffer.from(JSON.stringify({ partition: 3, offset: '4', id: ID, batch })) });
  redriven.add({ value: Buffer.from('{') });
  expect(redriven.has({ partition: 3, offset: 4, id: ID })).toBe(false);
});

test('candles of a window wait, when persist gave one of its events up', () => {
  const id = 'test-00:1764000000000:3:final:0';
  const [open, done] = [[], [4]].map((sent) => lettersOf([letter(4, 'persist', id)], sent, id));
  expect(open?.areCandlesMissed('test-00', 1_764_000_000_000)).toBe(true);
  expect(open?.areCandlesMissed('test-00', 1_764_000_005_000)).toBe(false);
  expect(done?.areCandlesMissed('test-00', 1_764_000_000_000)).toBe(false);
});
