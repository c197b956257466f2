import { EVENT_TYPES } from '@kandle/market/event/topics';
import { e8 } from '@kandle/market/number/fixed-point';
import { afterEach, expect, test } from 'vitest';
import { type AuditOptions, runAudit, undoRepair } from '../src/audit.ts';
import type { AuditReport } from '../src/report/report.ts';
import { createDamage, type Damage, withCandle } from './damage.ts';
import { linesOf } from './lines.ts';
import { createSmallMarket, EPOCH } from './small-market.ts';
import { type SmallPipeline, startSmallPipeline } from './small-pipeline.ts';
import { snapshot } from './snapshot.ts';

/** The log itself is not as it should be here; what went astray behind it is in `astray.test.ts`. */

const SECONDS = 100;
const EVENTS = createSmallMarket(SECONDS, Date.now());
let pipeline: SmallPipeline;
let damage: Damage;

afterEach(() => pipeline.close());

async function start(events = EVENTS): Promise<void> {
  pipeline = await startSmallPipeline();
  damage = createDamage(pipeline.client, events);
  await pipeline.ingest(events);
  await pipeline.flow();
}

function audit(options: Partial<AuditOptions> = {}): Promise<AuditReport> {
  return runAudit({ ...pipeline.audit, ...options });
}

const isTrades = (shard: string) => (event: (typeof EVENTS)[number]) =>
  event.key === shard && event.type === EVENT_TYPES.rawTrades;

test('runAudit() gathers a shard over all partitions, and --repair destroys nothing, when redriven batches strayed', async () => {
  await start();
  // As a redrive with Kafka's default partitioner left them: copies of some batches, in the other partition.
  const copies = [
    ...EVENTS.filter(isTrades('test-00')).slice(3, 6),
    ...EVENTS.filter(isTrades('test-01')).slice(7, 9),
  ];
  await pipeline.stray(copies);
  await pipeline.flow();
  const before = await snapshot(pipeline.client);
  const report = await audit({ repair: 'yes' });
  expect(linesOf(report)).toEqual([]);
  expect(report).toMatchObject({ verdict: 'clean', repair: null, read: { repeatedBatches: 5, shards: 2 } });
  expect(await snapshot(pipeline.client)).toEqual(before);

  // What differs beside them is repaired all the same: every stray stands where it belongs as well.
  const { time, id } = await damage.firstTrade(1);
  await damage.cql(
    "DELETE FROM trades WHERE feed = 'test' AND shard = 'test-00' AND bucket = ? AND symbol = 'AAPL' AND time = ? AND id = ?",
    damage.tradesBucket(1),
    time,
    id,
  );
  expect((await audit({ repair: 'yes' })).repair).toMatchObject({ tradeRows: 1, left: [] });
  expect(await snapshot(pipeline.client)).toEqual(before);
});

test('--repair leaves a shard alone and says why, when some of it is in another partition only', async () => {
  const strays = EVENTS.filter(isTrades('test-00')).slice(10, 14);
  pipeline = await startSmallPipeline();
  damage = createDamage(pipeline.client, EVENTS);
  await pipeline.ingest(EVENTS.filter((event) => !strays.includes(event)));
  await pipeline.stray(strays);
  await pipeline.flow();
  // What strayed was read as the rest was.
  expect(linesOf(await audit())).toEqual([]);

  const candle = "feed = 'test' AND shard = 'test-00' AND bucket = ? AND symbol = 'AAPL' AND start = ?";
  await damage.cql(
    `UPDATE candles_5s SET high = 12345 WHERE ${candle}`,
    damage.candlesBucket(6),
    damage.start(6),
  );
  const before = await snapshot(pipeline.client);
  const report = await audit({ repair: 'yes' });
  expect(report.verdict).toBe('different');
  expect(report.repair?.left).toEqual([
    expect.stringMatching(
      /^window test-00 .*: in doubt, it is in partitions 0, 1, and not all of it in one$/,
    ),
  ]);
  expect(await snapshot(pipeline.client)).toEqual(before);
});

test('runAudit() says that batches are missing, not that they were cut, when a log begins late; --repair takes nothing away', async () => {
  await start();
  const before = await snapshot(pipeline.client);
  // The topic was lost and made again: it begins in the middle, with offset 0.
  const late = EVENTS.filter(
    (event) => !(isTrades('test-00')(event) && Number(event.extensions['sequence']) < 12),
  );
  const topic = await pipeline.newRawTopic(late);
  const report = await audit({ flow: { ...pipeline.audit.flow, rawTopic: topic }, repair: 'yes' });
  const lines = linesOf(report);
  expect(lines).toContain(
    `market.raw.v1 | missing | - | - | batches of epoch ${EPOCH}: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10`,
  );
  const skipped = report.subjects.get('windows')?.skipped;
  expect(skipped?.['cut by retention']).toBeUndefined();
  expect(skipped?.['missing in the log']).toBeGreaterThan(0);
  expect(report.repair?.left.every((line) => line.includes('in doubt'))).toBe(true);
  expect(report.repair).toMatchObject({ windows: 0, candleRows: 0, tradeRows: 0, rollupRows: 0 });
  expect(await snapshot(pipeline.client)).toEqual(before);
});

test('runAudit() names each window with batches beyond the end of the log, when the topic lost its end; --repair takes nothing away', async () => {
  await start();
  const before = await snapshot(pipeline.client);
  const [last, firstBeyond] = [30, 12];
  const early = EVENTS.filter(
    (event) => !(isTrades('test-00')(event) && Number(event.extensions['sequence']) > last),
  );
  const topic = await pipeline.newRawTopic(early);
  const report = await audit({ flow: { ...pipeline.audit.flow, rawTopic: topic }, repair: 'yes' });
  expect(report.verdict).toBe('different');
  const named = linesOf(report).filter((line) => line.includes('batches beyond the end of the log'));
  for (let n = firstBeyond; n < SECONDS / 5; n++)
    expect(named).toContainEqual(
      expect.stringMatching(
        new RegExp(
          `^windows \\| different \\| ${n} \\| - \\| batches beyond the end of the log: ${EPOCH}:(3[1-9]|[45]\\d)`,
        ),
      ),
    );
  expect(
    report.findings.filter(({ what }) => what.includes('beyond')).every(({ shard }) => shard === 'test-00'),
  ).toBe(true);
  expect(report.repair?.left.every((line) => line.includes('in doubt'))).toBe(true);
  expect(report.repair).toMatchObject({ windows: 0, candleRows: 0, tradeRows: 0, rollupRows: 0 });
  expect(await snapshot(pipeline.client)).toEqual(before);
});

test('--repair leaves a window with dead letters alone; --undo brings back what it changed', async () => {
  pipeline = await startSmallPipeline();
  damage = createDamage(pipeline.client, EVENTS);
  await pipeline.ingest(EVENTS);
  const given = `${EPOCH}:test-00:${damage.batchOf(6).sequence}`;
  await pipeline.flow({
    fate: (name, { id }) => (name === 'aggregate' && id === given ? 'give up' : 'take'),
  });
  // A window that differs and waits for a letter, one that only differs, and rows that nothing explains.
  for (const n of [6, 10]) await damage.change(n, (window) => withCandle(window, 'AAPL', { lowE8: e8(1n) }));
  const insert =
    'INSERT INTO trades (feed, shard, bucket, symbol, time, id, price, size) VALUES (?, ?, ?, ?, ?, ?, 1, 1)';
  const key = ['test', 'test-00', damage.tradesBucket(0)];
  await damage.cql(insert, ...key, 'NONE', damage.start(0), 'made-up');
  await damage.cql(
    "DELETE FROM candles_5s WHERE feed = 'test' AND shard = 'test-00' AND bucket = ? AND symbol = 'AAPL' AND start = ?",
    damage.candlesBucket(12),
    damage.start(12),
  );
  const before = await snapshot(pipeline.client);

  const report = await audit({ repair: 'yes' });
  expect(report.repair).toMatchObject({ windows: 1, tradeRows: 1 });
  expect(report.repair?.left).toEqual([
    expect.stringMatching(/^window test-00 .*:30\.000Z: in doubt, it has dead letters .* redrive them$/),
  ]);
  const repaired = await snapshot(pipeline.client);
  expect(repaired.get(`windows test-00 ${damage.start(6).getTime()} AAPL`)).toEqual(
    before.get(`windows test-00 ${damage.start(6).getTime()} AAPL`),
  );
  expect(repaired).not.toEqual(before);

  const undone = await undoRepair({ ...pipeline.audit, name: 'last', repair: 'yes' });
  expect(undone.left).toEqual([]);
  expect(await snapshot(pipeline.client)).toEqual(before);
  await expect(undoRepair({ ...pipeline.audit, name: 'never' })).rejects.toThrow(
    'no record of a repair never',
  );

  // The order of the runbook: the letters first, then the repair, and everything is right.
  await pipeline.redrive();
  await pipeline.flow();
  for (let round = 0; round < 3; round++) await audit({ repair: 'yes' });
  await pipeline.flow();
  await audit({ repair: 'yes' });
  expect(linesOf(await audit())).toEqual([]);
});

test('--repair puts right what is deleted of a letter that was redriven; it is no letter that waits', async () => {
  pipeline = await startSmallPipeline();
  damage = createDamage(pipeline.client, EVENTS);
  await pipeline.ingest(EVENTS);
  const given = `${EPOCH}:test-00:${damage.batchOf(6).sequence}`;
  await pipeline.flow({
    fate: (name, { id }) => (name === 'aggregate' && id === given ? 'give up' : 'take'),
  });
  await pipeline.redrive();
  await pipeline.flow();
  const right = await snapshot(pipeline.client);
  const window = "DELETE FROM windows WHERE shard = 'test-00' AND window_start = ?";
  await damage.cql(window, damage.start(6));
  const report = await audit({ repair: 'yes' });
  expect(linesOf(report)).toContain('windows | missing | 6 | - | window');
  expect(report.repair).toMatchObject({ windows: 1, left: [] });
  expect(report.deadLetters).toMatchObject([{ isRedriven: true, isMissed: false }]);
  expect(await snapshot(pipeline.client)).toEqual(right);
});
