import { expect, test } from 'vitest';
import { createChain, entryId, formatPlan, formatSent, type LedgerBatch } from './ledger.ts';

const at = { topic: 'raw', wallMs: 7 };
const batch = (run: string, sequence: number, shard = 'f-00'): LedgerBatch => ({
  shard,
  epoch: 1_764_000_000_000,
  sequence,
  ingestTimeMs: 1_764_000_000_000,
  backfilled: 'recording',
  run,
  records: [{ id: `${run}${sequence}`, record: { s: 'A' } }],
});
const plan = (of: LedgerBatch, previous: LedgerBatch | null): string =>
  String(formatPlan({ gap: 'g', batch: of }, { ...at, previous: previous && entryId(previous) }).value);
const sent = (of: LedgerBatch): string => String(formatSent(of, at).value);
const read = (...texts: readonly string[]) => {
  const chain = createChain();
  for (const text of texts) chain.take(text);
  return chain;
};
const [a1, a2, b1, b2] = [batch('a', 1), batch('a', 2), batch('b', 1), batch('b', 2)];

test('a chain holds the batches of one run, and knows which were sent', () => {
  const chain = read(plan(a1, null), plan(a2, a1), sent(a1));
  expect(chain.batches()).toMatchObject([
    { batch: { ...a1, records: [] }, trades: 1, isSent: true },
    { batch: a2, isSent: false },
  ]);
  expect(chain.lastOf('f-00')).toBe(entryId(a2));
});

test('of two runs at once only the one counts whose first entry came first', () => {
  const chain = read(plan(a1, null), plan(b1, null), plan(b2, b1), plan(a2, a1));
  expect(chain.batches().map(({ batch: one }) => one)).toEqual([a1, a2]);
});

test('the last words of a killed run that come late count for nothing', () => {
  expect(read(plan(b1, null), sent(b1), plan(a1, null), plan(b2, b1)).batches()).toHaveLength(2);
});

test('shards have chains of their own, and what others write is passed over', () => {
  const other = batch('a', 1, 'f-01');
  const chain = read('no json', '{"partition":0,"offset":"1","id":"x"}', plan(a1, null), plan(other, null));
  expect(chain.batches()).toHaveLength(2);
});

test('a ledger that has lost its beginning begins with a batch that is not sent again', () => {
  expect(read(plan(a2, a1), plan(b1, a2)).batches()).toMatchObject([{ isSent: true }, { isSent: false }]);
});
