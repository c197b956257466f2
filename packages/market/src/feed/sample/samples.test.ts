import { expect, test } from 'vitest';
import { createSamples } from './samples.ts';

const NOW = 1_700_000_000_000;
const sample = (changes: Readonly<Record<string, unknown>> = {}) => ({
  s: 'AAPL',
  p: 1,
  t: NOW,
  dv: 100,
  ...changes,
});

test('read() adds by how much the volume of the day has grown', () => {
  const samples = createSamples();
  expect(samples.read(sample(), NOW)).toEqual({ kind: 'sample', record: sample({ v: null }) });
  const next = sample({ t: NOW + 1_000, dv: 130 });
  expect(samples.read(next, NOW + 1_000)).toEqual({ kind: 'sample', record: { ...next, v: 30 } });
});

test('read() takes the first price of a connection that is days old for the last known one, and begins with its volume', () => {
  const samples = createSamples();
  const friday = sample({ t: NOW - 2 * 86_400_000 });
  expect(samples.read(friday, NOW)).toEqual({ kind: 'last_known', symbol: 'AAPL', ageMs: 172_800_000 });
  expect(samples.read(sample({ dv: 120 }), NOW)).toMatchObject({ kind: 'sample', record: { v: 20 } });
  samples.begin();
  expect(samples.read(sample({ t: NOW - 60_001 }), NOW)).toMatchObject({ kind: 'last_known' });
});

test('read() takes a market that is delayed as it is, but for its first price', () => {
  const samples = createSamples();
  const delayed = (seconds: number) => sample({ t: NOW - 900_000 + seconds * 1_000 });
  expect(samples.read(delayed(0), NOW)).toMatchObject({ kind: 'last_known' });
  expect(samples.read(delayed(1), NOW + 1_000)).toMatchObject({ kind: 'sample' });
});

test('read() believes a recording without a clock', () => {
  expect(createSamples().read(sample({ t: NOW - 86_400_000 }), null)).toMatchObject({ kind: 'sample' });
});

test('read() leaves the volume of a bar as it is, and what is no sample to the judge', () => {
  const samples = createSamples();
  expect(samples.read(sample({ v: 7, dv: null }), NOW)).toMatchObject({ record: { v: 7 } });
  for (const entry of [null, 7, [], { s: 1 }, sample({ t: 'x' }), sample({ s: '' })])
    expect(samples.read(entry, NOW)).toEqual({ kind: 'sample', record: entry });
});
