import { expect, test } from 'vitest';
import type { StoredWindow } from '../read/stored.ts';
import { expectedColumns, expectedWindow, type PlacedTrade } from '../recompute/expected-window.ts';
import type { ShardLog } from '../recompute/raw-log.ts';
import { createTally } from '../values/tally.ts';
import { compareWindow, type WindowCase } from './compare-window.ts';

const START = 1_764_000_000_000;

/** Batches 5 to 9 of epoch 1, read to the end; what came before is gone. */
const LOG: ShardLog = {
  shard: 'test-00',
  partitions: [0],
  first: { epoch: 1, sequence: 5, watermarkMs: START - 60_000 },
  newest: new Map([[1, 9]]),
  lastEpoch: 1,
  cut: 'cut by retention',
  strays: [],
  maxDelayMs: 0,
  isSampled: false,
  watermarkMs: START + 60_000,
  liveWatermarkMs: START + 60_000,
  lastWindowMs: START,
  isWhole: true,
  batches: new Map([[1, new Map([5, 6, 7, 8, 9].map((sequence) => [sequence, '']))]]),
  compared: new Set(),
  held: new Map(),
};

function trade(sequence: number): PlacedTrade {
  const place = { epoch: 1, sequence, index: 0, isSampled: false, eventTimeMs: START + sequence };
  return { id: `t${sequence}`, symbol: 'AAPL', priceE8: 10n + BigInt(sequence), sizeE8: 1n, ...place };
}

/** The window as it should be of these trades, final. */
function storedOf(trades: readonly PlacedTrade[], change: Partial<StoredWindow> = {}): StoredWindow {
  const { applied, rows } = expectedWindow(trades);
  const version = trades.length + 1;
  return {
    version,
    finalVersion: version,
    incompleteVersion: 0,
    applied,
    minOffset: null,
    rows: new Map(
      [...rows].map(([symbol, row]) => [
        symbol,
        { symbol, rowVersion: version - 1, revision: 0, reason: '', columns: expectedColumns(row) },
      ]),
    ),
    ...change,
  };
}

const TRADES = [trade(6), trade(7)];

function judge(change: Partial<WindowCase>) {
  const tally = createTally();
  const verdict = compareWindow(
    {
      log: LOG,
      windowStartMs: START,
      trades: TRADES,
      stored: storedOf(TRADES),
      isOpen: false,
      isReached: true,
      graceMs: 2_000,
      isDead: () => false,
      ...change,
    },
    tally,
  );
  const { skipped } = tally.counts().get('windows') ?? { skipped: {} };
  return { verdict, skipped, what: tally.findings.map(({ kind, what }) => `${kind} ${what}`) };
}

test('compareWindow() finds nothing, when the window is as its trades say', () => {
  expect(judge({})).toMatchObject({ verdict: { isRight: true, isClosed: true }, skipped: {}, what: [] });
});

test.each<[string, string, Partial<WindowCase>]>([
  ['cut by retention', 'it names a batch from before the log', { stored: storedOf([trade(4), ...TRADES]) }],
  [
    'changed during the audit',
    'it names a batch after what was read so far',
    { stored: storedOf([...TRADES, trade(10)]), log: { ...LOG, isWhole: false } },
  ],
  [
    'not reached yet',
    'it lacks a batch that the functions have not taken',
    { isReached: false, stored: storedOf([trade(6)]) },
  ],
  ['not closed yet', 'its time has not come', { log: { ...LOG, watermarkMs: START + 6_999 } }],
  ['not closed yet', 'it is on the open list', { isOpen: true }],
  [
    'not closed yet',
    'the batch that would close it was given up',
    { stored: storedOf(TRADES, { finalVersion: 0 }), log: { ...LOG, liveWatermarkMs: START + 6_999 } },
  ],
])('compareWindow() skips a window as %s, when %s', (reason, _, change) => {
  expect(judge(change)).toEqual({ verdict: null, skipped: { [reason]: 1 }, what: [] });
});

test('compareWindow() knows a batch after the log, when the log has very many', () => {
  const many = new Map(Array.from({ length: 300_000 }, (_, n) => [n + 1, '']));
  const log = {
    ...LOG,
    isWhole: false,
    batches: new Map([[1, many]]),
    last: { epoch: 1, sequence: 300_000 },
  };
  const stored = storedOf([...TRADES, trade(300_001)]);
  expect(judge({ log, stored })).toMatchObject({ skipped: { 'changed during the audit': 1 }, what: [] });
});

test('compareWindow() finds a window that names a batch beyond the end of the whole log, and judges it no further', () => {
  for (const [batch, name] of [
    [trade(10), '1:10'],
    [{ ...trade(10), epoch: 7, sequence: 1 }, '7:1'],
  ] as const) {
    expect(judge({ stored: storedOf([...TRADES, batch]) })).toEqual({
      verdict: null,
      skipped: {},
      what: [`different batches beyond the end of the log: ${name}`],
    });
  }
});

test('compareWindow() expects nothing of a dead letter that was not redriven, and everything of one that was', () => {
  const isDead = ({ sequence }: { readonly sequence: number }): boolean => sequence === 7;
  expect(judge({ isDead, stored: storedOf([trade(6)]) })).toMatchObject({
    verdict: { isRight: true },
    skipped: { 'dead letter not redriven': 1 },
    what: [],
  });
  expect(judge({ isDead })).toMatchObject({ verdict: { isRight: true }, skipped: {}, what: [] });
  expect(judge({ isDead: () => true, stored: null })).toMatchObject({ verdict: null, what: [] });
});

test.each<[string, Partial<WindowCase>, readonly (string | RegExp)[]]>([
  ['no window', { stored: null }, ['missing window']],
  [
    'a lost batch',
    { stored: storedOf([trade(6)]) },
    ['different applied without 1:7', /\(batch 1:7 is not counted\)$/],
  ],
  [
    'a batch that is counted but not applied',
    { stored: storedOf(TRADES, { applied: '1:6' }) },
    ['different applied without 1:7'],
  ],
  [
    'a batch of another window',
    { stored: storedOf(TRADES, { applied: '1:6-8' }) },
    ['different applied with 1:8', 'different version'],
  ],
  [
    'an applied that nobody can read',
    { stored: storedOf(TRADES, { applied: 'x' }) },
    [/^different applied without 1:6, without 1:7$/],
  ],
  [
    'a window that is not closed',
    { stored: storedOf(TRADES, { finalVersion: 0 }) },
    ['different not closed'],
  ],
  [
    'a version below its changes',
    { stored: storedOf(TRADES, { version: 2, finalVersion: 2 }) },
    ['different version'],
  ],
  [
    'rows without trades',
    { trades: [], stored: storedOf(TRADES) },
    ['different applied with 1:6, with 1:7', 'extra row'],
  ],
  ['no row', { stored: storedOf(TRADES, { rows: new Map() }) }, [/^missing row/]],
])('compareWindow() finds %s', (_, change, expected) => {
  const { what } = judge(change);
  expect(what).toHaveLength(expected.length);
  for (const [n, pattern] of expected.entries()) expect(what[n]).toMatch(pattern);
});

test('compareWindow() names an id of two batches, when both copies were counted', () => {
  const twin = { ...trade(7), id: 't6', priceE8: 16n };
  const counted = storedOf([trade(6), { ...twin, id: 'x' }]);
  const { what } = judge({ trades: [trade(6), twin], stored: counted });
  expect(what).toEqual([expect.stringMatching(/\(trade id t6 of batches 1:6 and 1:7 is counted 2 times\)$/)]);
  expect(judge({ trades: [trade(6), twin], stored: storedOf([trade(6), twin]) })).toMatchObject({ what: [] });
});
