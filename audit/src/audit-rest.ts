import { auditRollups } from './audit-rollups.ts';
import { compareGaps } from './compare/compare-gaps.ts';
import type { PlacedTime, ShardPartition } from './read/stored.ts';
import { isBeforeLog } from './recompute/raw-log.ts';
import type { Run } from './run.ts';
import type { Tail } from './tail.ts';
import { CANDLES_BUCKET_MS, startOf, STRETCH_MS, TRADES_BUCKET_MS, WINDOW_MS } from './values/periods.ts';
import { feedOf, isInScope } from './values/scope.ts';
import { createTally, type Tally } from './values/tally.ts';

/**
 * Looks for what the log says nothing of: windows of unknown shards, rows of the views, rows of the gap ledger.
 */
export async function auditRest(run: Run, tail: () => Promise<Tail>): Promise<void> {
  await auditUnknownWindows(run);
  await auditUnseenTrades(run);
  await auditUnseenCandles(run);
  await auditRollups(run);
  await auditLedger(run, tail);
}

async function auditUnknownWindows({ index, differences, stored, hasLostRecords }: Run): Promise<void> {
  const tally = createTally();
  for (const shard of index.shards()) {
    for (const startMs of index.stretchesOf(shard)) {
      for (const windowStartMs of index.windowsIn(shard, startMs, startMs + STRETCH_MS)) {
        const window = await stored.window(shard, windowStartMs);
        if (window === null || (window.applied === '' && window.rows.size === 0)) continue;
        if (hasLostRecords) {
          tally.skip('windows', 'cut by retention');
          continue;
        }
        tally.check('windows');
        tally.find({
          subject: 'windows',
          kind: 'extra',
          shard,
          windowStartMs,
          symbol: null,
          what: 'window of a shard that the log does not know',
          expected: 'no window',
          found: `version ${window.version}, applied ${window.applied}, symbols ${[...window.rows.keys()].join(', ')}`,
        });
      }
    }
  }
  differences.addPart('unknown windows', tally);
}

async function auditUnseenTrades(run: Run): Promise<void> {
  const tally = createTally();
  for await (const partition of run.stored.tradePartitions()) {
    if (!isUnseen(run, partition, TRADES_BUCKET_MS)) continue;
    noteUnseen(run, tally, partition, 'trades', await run.stored.tradeTimes(partition));
  }
  run.differences.addPart('unseen trades', tally);
}

async function auditUnseenCandles(run: Run): Promise<void> {
  const tally = createTally();
  for await (const partition of run.stored.candlePartitions()) {
    if (!isUnseen(run, partition, CANDLES_BUCKET_MS)) continue;
    noteUnseen(run, tally, partition, 'candles_5s', await run.stored.candleTimes(partition));
  }
  run.differences.addPart('unseen candles', tally);
}

/**
 * True if some of a partition is in scope and was not looked at, or stands under a feed that is not its
 * shard's.
 */
function isUnseen(run: Run, { feed, shard, startMs }: ShardPartition, lengthMs: number): boolean {
  if (!overlaps(run, feed, startMs, lengthMs)) return false;
  return feed !== feedOf(shard) || !run.lookedAt.hasAll(shard, startMs, lengthMs);
}

function overlaps({ scope }: Run, feed: string, startMs: number, lengthMs: number): boolean {
  const { sinceMs, untilMs } = scope;
  return (
    isInScope({ ...scope, sinceMs: null, untilMs: null }, feed, startMs) &&
    startMs + lengthMs > (sinceMs ?? Number.NEGATIVE_INFINITY) &&
    startMs < (untilMs ?? Number.POSITIVE_INFINITY)
  );
}

/** Rows of times that no comparison has looked at: the log has no trade there, so that there should be none. */
function noteUnseen(
  run: Run,
  tally: Tally,
  { feed, shard }: ShardPartition,
  subject: 'trades' | 'candles_5s',
  rows: readonly PlacedTime[],
): void {
  const unseen = rows.filter(({ timeMs }) => feed !== feedOf(shard) || !run.lookedAt.has(shard, timeMs));
  const windows = Map.groupBy(unseen, ({ symbol, timeMs }) => `${startOf(timeMs, WINDOW_MS)} ${symbol}`);
  for (const of of windows.values()) {
    const [{ symbol, timeMs } = { symbol: '', timeMs: 0 }] = of;
    const windowStartMs = startOf(timeMs, WINDOW_MS);
    if (!isInScope(run.scope, feed, windowStartMs)) continue;
    if (isBeforeFeed(run, feed, shard, windowStartMs)) {
      tally.skip(subject, 'cut by retention', of.length);
      continue;
    }
    tally.check(subject, of.length);
    run.differences.addUnseen({
      feed,
      symbol,
      shard,
      windowStartMs,
      isKnownShard: run.shards.has(shard),
    });
    tally.find({
      subject,
      kind: 'extra',
      shard,
      windowStartMs,
      symbol,
      what: subject === 'trades' ? `${of.length} of 0` : 'candle',
      count: of.length,
      expected: `no row of ${feed}`,
      found: `${of.length} ${of.length === 1 ? 'row' : 'rows'}`,
    });
  }
}

/**
 * True if the log may have lost what a row was made of: of its shard, or of any of its feed where that is
 * unknown.
 */
function isBeforeFeed(run: Run, feed: string, shard: string, windowStartMs: number): boolean {
  const known = run.shards.get(shard);
  if (known !== undefined) return isBeforeLog(known, windowStartMs);
  const logs = [...run.shards.values()].filter((log) => feedOf(log.shard) === feed);
  if (logs.length === 0) return run.hasLostRecords;
  return logs.some((log) => isBeforeLog(log, windowStartMs));
}

async function auditLedger(run: Run, tail: () => Promise<Tail>): Promise<void> {
  const { dead, reached, shards, isWanted } = run;
  const rows = (await run.stored.gaps()).filter(({ shard, fromMs }) => isWanted(shard, fromMs));
  const gaps = run.gaps.filter(({ shard, fromMs }) => isWanted(shard, fromMs));
  if (rows.length === 0 && gaps.length === 0) return;
  const newer = new Set(
    (await tail()).gaps.map(({ shard, fromMs, reason }) => `${shard} ${fromMs} ${reason}`),
  );
  const tally = createTally();
  const verdict = compareGaps(
    {
      gaps,
      found: rows,
      isReached: (shard) => reached.trades(shards.get(shard)?.partitions ?? []),
      isDead: ({ id }) => dead.isMissed(id, ['persist']),
      isExcused: ({ shard, fromMs, reason }) =>
        newer.has(`${shard} ${fromMs} ${reason}`) || isBeforeFeed(run, feedOf(shard), shard, fromMs),
    },
    tally,
  );
  run.differences.addPart('feed gaps', tally);
  run.differences.addGaps(verdict);
}
