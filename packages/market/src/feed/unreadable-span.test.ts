import { expect, test } from 'vitest';
import { unreadableSpan } from './unreadable-span.ts';

const NONE = { own: null, before: null, after: null };

test.each([
  ['its own header', { ...NONE, own: { watermarkMs: 9_000, watermarkBeforeMs: 4_000 } }, [4_000, 10_000]],
  [
    'its own header without what was before, and its neighbour',
    { ...NONE, own: { watermarkMs: 9_000 }, before: { watermarkMs: 4_500 } },
    [4_500, 10_000],
  ],
  [
    'both neighbours',
    { ...NONE, before: { watermarkMs: 4_000 }, after: { watermarkMs: 20_000, watermarkBeforeMs: 9_000 } },
    [4_000, 10_000],
  ],
  [
    'neighbours of an older log',
    { ...NONE, before: { watermarkMs: 4_000 }, after: { watermarkMs: 20_000 } },
    [4_000, 21_000],
  ],
  ['only what came before', { ...NONE, before: { watermarkMs: 4_000 } }, [4_000, 305_000]],
  ['only what comes after', { ...NONE, after: { watermarkMs: 400_000 } }, [100_000, 401_000]],
  ['a shard at its beginning', { ...NONE, own: { watermarkMs: 9_000, watermarkBeforeMs: 0 } }, [0, 10_000]],
])('unreadableSpan() is right, when %s is known', (_, batch, [fromMs, toMs]) => {
  expect(unreadableSpan(batch, 1_000)).toEqual({ fromMs, toMs });
});

test('unreadableSpan() is null, when nothing is known, or the batch is a redriven one', () => {
  expect(unreadableSpan(NONE, 1_000)).toBeNull();
  expect(unreadableSpan({ ...NONE, own: { watermarkMs: 0, watermarkBeforeMs: 0 } }, 1_000)).toBeNull();
});
