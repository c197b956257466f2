import { auditRollups } from './audit-rollups.ts';
import { compareGaps } from './compare/compare-gaps.ts';
import type { SymbolPartition } from './read/stored.ts';
import { isBeforeLog } from './recompute/raw-log.ts';
import type { Run } from './run.ts';
import type { Tail } from './tail.ts';
import { DAY_MS, HOUR_MS, startOf, STRETCH_MS, WINDOW_MS } from './values/periods.ts';
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
  for await (const { feed, symbol, startMs } of run.stored.tradePartitions()) {
    if (!overlaps(run, feed, startMs, HOUR_MS) || run.lookedAt.hasHour(feed, symbol, startMs)) continue;
    const rows = await run.stored.tradeTimes({ feed, symbol, fromMs: startMs, toMs: startMs + HOUR_MS });
    noteUnseen(run, tally, { feed, symbol, startMs }, 'trades', rows);
  }
  run.differences.addPart('unseen trades', tally);
}

async function auditUnseenCandles(run: Run): Promise<void> {
  const tally = createTally();
  for await (const { feed, symbol, startMs } of run.stored.candlePartitions()) {
    if (!overlaps(run, feed, startMs, DAY_MS)) continue;
    const hours = Array.from({ length: DAY_MS / HOUR_MS }, (_, hour) => startMs + hour * HOUR_MS);
    if (hours.every((hourMs) => run.lookedAt.hasHour(feed, symbol, hourMs))) continue;
    const rows = await run.stored.candleTimes({ feed, symbol, fromMs: startMs, toMs: startMs + DAY_MS });
    noteUnseen(run, tally, { feed, symbol, startMs }, 'candles_5s', rows);
  }
  run.differences.addPart('unseen candles', tally);
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
  { feed, symbol }: SymbolPartition,
  subject: 'trades' | 'candles_5s',
  times: readonly number[],
): void {
  const unseen = times.filter((timeMs) => !run.lookedAt.has(feed, symbol, timeMs));
  const shard = run.shardOfSymbol.get(`${feed} ${symbol}`) ?? null;
  for (const [windowStartMs, rows] of Map.groupBy(unseen, (timeMs) => startOf(timeMs, WINDOW_MS))) {
    if (!isInScope(run.scope, feed, windowStartMs)) continue;
    if (isBeforeFeed(run, feed, shard, windowStartMs)) {
      tally.skip(subject, 'cut by retention', rows.length);
      continue;
    }
    tally.check(subject, rows.length);
    run.differences.addUnseen({ feed, symbol, shard, windowStartMs });
    tally.find({
      subject,
      kind: 'extra',
      shard,
      windowStartMs,
      symbol,
      what: subject === 'trades' ? `${rows.length} of 0` : 'candle',
      count: rows.length,
      expected: `no row of ${feed}`,
      found: `${rows.length} ${rows.length === 1 ? 'row' : 'rows'}`,
    });
  }
}

/**
 * True if the log may have lost what a row was made of: of its shard, or of any of its feed where that is
 * unknown.
 */
function isBeforeFeed(run: Run, feed: string, shard: string | null, windowStartMs: number): boolean {
  const known = shard === null ? undefined : run.shards.get(shard);
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
      isDead: ({ id }) => dead.isMissed(id, ['transform', 'persist']),
      isExcused: ({ shard, fromMs, reason }) =>
        newer.has(`${shard} ${fromMs} ${reason}`) || isBeforeFeed(run, feedOf(shard), shard, fromMs),
    },
    tally,
  );
  run.differences.addPart('feed gaps', tally);
  run.differences.addGaps(verdict);
}
