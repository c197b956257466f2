import { expect, test } from 'vitest';
import { createChain, formatPlan, formatSent, entryId, type LedgerBatch } from './ledger.ts';
import { broughtFor } from './report.ts';

const NOW_MS = 1_764_000_000_000;
const DAY_MS = 86_400_000;
const at = { topic: 'raw', wallMs: NOW_MS };

const batch = (sequence: number, run: string, ingestTimeMs: number): LedgerBatch => ({
  shard: 'f-00',
  epoch: ingestTimeMs,
  sequence,
  ingestTimeMs,
  backfilled: 'recording',
  run,
  records: [{ id: `${run}${sequence}`, record: { s: 'A' } }],
});

test('broughtFor() counts what was sent or is to be sent, and not what was given up unsent', () => {
  const batches = [
    batch(1, 'old', NOW_MS - 10 * DAY_MS),
    batch(2, 'old', NOW_MS - 10 * DAY_MS),
    batch(1, 'new', NOW_MS),
    batch(2, 'new', NOW_MS),
  ];
  const chain = createChain();
  for (const [n, one] of batches.entries()) {
    const before = batches[n - 1];
    const previous = before === undefined ? null : entryId(before);
    chain.take(String(formatPlan({ gap: 'g', batch: one }, { ...at, previous }).value));
    if (one.sequence === 1) chain.take(String(formatSent(one, at).value));
  }
  expect(broughtFor(chain, 'g', { wallMs: NOW_MS })).toBe(3);
  expect(broughtFor(chain, 'g', { wallMs: NOW_MS, runs: new Set(['new']) })).toBe(2);
  expect(broughtFor(chain, 'another', { wallMs: NOW_MS })).toBe(0);
});
