import { EVENT_TYPES } from '@kandle/market/event/topics';
import { formatRawBatch, parseRawBatch } from '@kandle/market/feed/raw-batch';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AuditOptions, runAudit } from '../src/audit.ts';
import type { AuditReport } from '../src/report/report.ts';
import { createDamage, type Damage } from './damage.ts';
import { linesOf } from './lines.ts';
import { BEGIN_MS, createSmallMarket, EPOCH } from './small-market.ts';
import { type SmallPipeline, startSmallPipeline } from './small-pipeline.ts';

/** Events go astray between the real functions here; what is stored is damaged by hand in `audit.test.ts`. */

const SECONDS = 200;
let pipeline: SmallPipeline;
let damage: Damage;

afterAll(() => pipeline.close());

function audit(options: Partial<AuditOptions> = {}): Promise<AuditReport> {
  return runAudit({ ...pipeline.audit, ...options });
}

/** The id of a batch that has trades in a window. */
function idOf(n: number): string {
  return `${EPOCH}:test-00:${damage.batchOf(n).sequence}`;
}

function windowOf(data: unknown): number {
  const { windowStartMs } = data as { windowStartMs: number };
  return (windowStartMs - BEGIN_MS) / 5_000;
}

beforeAll(async () => {
  pipeline = await startSmallPipeline();
  const events = createSmallMarket(SECONDS, Date.now());
  damage = createDamage(pipeline.client, events);
  // A trade of window 30 that an earlier batch brought comes again, with the same id, in a batch of its own.
  const last = events.findLast(
    ({ key, extensions }) => key === 'test-00' && extensions['sequence'] !== undefined,
  );
  const twin = events
    .map((event) => (event.id === idOf(30) ? parseRawBatch(event.extensions, event.data) : null))
    .find((batch) => batch !== null)
    ?.records.find(
      ({ record }) => record['s'] === 'AAPL' && Number(record['t']) >= damage.start(30).getTime(),
    );
  if (last === undefined || twin === undefined) throw new Error('no twin');
  const again = formatRawBatch({
    ...parseRawBatch(last.extensions, last.data),
    sequence: Number(last.extensions['sequence']) + 1,
    records: [twin],
  });
  // A batch that ingest sent twice is one batch.
  const repeated = events.filter(({ id }) => id === idOf(29));
  await pipeline.ingest([...events, again, ...repeated]);

  await pipeline.flow({
    fate(name, { id, type, data }) {
      if (name === 'aggregate' && id === idOf(3)) return 'lose';
      if (name === 'aggregate' && id === idOf(6)) return 'give up';
      if (name === 'transform' && id === idOf(9)) return 'give up';
      if (name === 'persist' && type === EVENT_TYPES.rawTrades && id === idOf(12)) return 'give up';
      if (name === 'persist' && type === EVENT_TYPES.rawTrades && id === idOf(15)) return 'lose';
      if (name === 'persist' && type === EVENT_TYPES.feedGap) return 'give up';
      if (name === 'persist' && type === EVENT_TYPES.candles && windowOf(data) === 18) return 'give up';
      return 'take';
    },
    isUnsent: ({ data }) =>
      // All candles of window 24, and the final ones of window 26.
      windowOf(data) === 24 || (windowOf(data) === 26 && (data as { kind: string }).kind !== 'provisional'),
  });
});

const SUBJECTS_OF_A_LOST_BATCH = /^(windows|market.candles.v1|candles_5s) \| (different|missing) \| /;

test('runAudit() names what was lost on the way, and takes what lies among the dead letters for no difference', async () => {
  const report = await audit();
  const lines = linesOf(report);
  const at = (n: number): readonly string[] => lines.filter((line) => line.split(' | ')[2] === String(n));

  // Lost before aggregate, without a trace.
  expect(at(3)).toContain(
    `windows | different | 3 | - | applied without ${EPOCH}:${damage.batchOf(3).sequence}`,
  );
  expect(
    at(3).some((line) => line.includes(`(batch ${EPOCH}:${damage.batchOf(3).sequence} is not counted)`)),
  ).toBe(true);
  // Lost before persist.
  expect(at(15).every((line) => line.startsWith('trades | missing | 15 | '))).toBe(true);
  expect(at(15).length).toBeGreaterThan(0);
  // Candles that were never sent.
  expect(at(24)).toContain('market.candles.v1 | missing | 24 | AAPL | event');
  expect(at(24)).toContain('candles_5s | missing | 24 | AAPL | candle');
  expect(at(26)).toContain('market.candles.v1 | different | 26 | AAPL | version, state');
  expect(at(26)).toContain('candles_5s | different | 26 | AAPL | version, state');
  // One id in two batches.
  expect(
    at(30).some((line) =>
      /^windows \| different \| 30 \| AAPL \| .* \(trade id t\d+ of batches .* is counted 2 times\)$/.test(
        line,
      ),
    ),
  ).toBe(true);
  // Given up, and nothing else: no line at all.
  for (const n of [6, 9, 12, 18, 29]) expect(at(n), `window ${n}`).toEqual([]);
  expect(lines.filter((line) => line.startsWith('feed_gaps'))).toEqual([]);
  const lost = [3, 15, 24, 26, 30].flatMap((n) => [n, n - 1, n + 1]);
  expect(lines.filter((line) => !lost.includes(Number(line.split(' | ')[2])))).toEqual([]);
  for (const line of [...at(2), ...at(4)]) expect(line).toMatch(SUBJECTS_OF_A_LOST_BATCH);

  const missed = report.deadLetters.filter(({ isMissed }) => isMissed);
  expect(missed.map(({ destination, id }) => `${destination} ${id}`)).toEqual(
    expect.arrayContaining([`aggregate ${idOf(6)}`, `transform ${idOf(9)}`, `persist ${idOf(12)}`]),
  );
  expect(missed.some(({ destination, id }) => destination === 'persist' && id.startsWith('test-00:'))).toBe(
    true,
  );
  expect(missed.every(({ reason }) => reason === '422 refused by the test')).toBe(true);
  expect(report.subjects.get('windows')?.skipped['dead letter not redriven']).toBeGreaterThan(0);
  expect(report.subjects.get('trades')?.skipped['dead letter not redriven']).toBeGreaterThan(0);
  expect(report.subjects.get('candles_5s')?.skipped['dead letter not redriven']).toBeGreaterThan(0);
  expect(report.subjects.get('feed_gaps')?.skipped['dead letter not redriven']).toBe(2);
  expect(report.read.repeatedBatches).toBe(1);
});

test('runAudit() finds nothing more, when it has repaired what was lost and the dead letters were redriven', async () => {
  expect((await audit({ repair: 'yes' })).repair?.left).toEqual([]);
  // Longer candles are made of the repaired ones: a second round.
  await audit({ repair: 'yes' });
  expect(linesOf(await audit())).toEqual([]);
  await pipeline.redrive();
  await pipeline.flow();
  const report = await audit();
  expect(linesOf(report)).toEqual([]);
  expect(report.deadLetters.filter(({ isMissed }) => isMissed)).toEqual([]);
  expect(report.deadLetters.length).toBeGreaterThan(0);
  // A batch that the repair has counted is not counted twice, when it turns up after all.
  await pipeline.replay(['aggregate']);
  expect(linesOf(await audit())).toEqual([]);
});
