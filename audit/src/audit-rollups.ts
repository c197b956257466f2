import { compareRollups } from './compare/compare-rollups.ts';
import type { ShardLog } from './recompute/raw-log.ts';
import type { Run } from './run.ts';
import { DAY_MS, ROLLUP_TABLES, WINDOW_MS } from './values/periods.ts';
import { isInScope } from './values/scope.ts';
import { createTally } from './values/tally.ts';

const MINUTE_MS = 60_000;

/** Compares the longer candles with the final 5-second ones, for the days in which the log has trades. */
export async function auditRollups(run: Run): Promise<void> {
  const { stored, scope, lookedAt, differences, reached, shards, shardOfSymbol } = run;
  const tally = createTally();
  // Word of what is not rolled up yet before the candles, and the candles before what was made of them.
  const pending = await stored.pendingRollups();
  const wrongCandles = differences.wrongCandles();
  for await (const { feed, symbol, startMs } of stored.candlePartitions()) {
    if (
      !isInScope({ ...scope, sinceMs: null, untilMs: null }, feed, startMs) ||
      !lookedAt.hasDay(feed, symbol, startMs)
    )
      continue;
    const shard = shardOfSymbol.get(`${feed} ${symbol}`) ?? null;
    const log = shard === null ? undefined : shards.get(shard);
    const day = { feed, symbol, fromMs: startMs, toMs: startMs + DAY_MS };
    const candles = (await stored.candles(day)).filter(({ columns }) => columns['state'] !== 'provisional');
    for (const table of ROLLUP_TABLES) {
      const isOut = (periodMs: number): boolean =>
        !isInScope(scope, feed, periodMs) || !isInScope(scope, feed, periodMs + table.lengthMs - WINDOW_MS);
      const isPending = (periodMs: number): boolean => {
        for (let minuteMs = periodMs; minuteMs < periodMs + table.lengthMs; minuteMs += MINUTE_MS)
          if (pending.has(`${feed} ${symbol} ${minuteMs}`)) return true;
        return false;
      };
      const rows = await stored.rollups(table, day);
      const wrong = compareRollups(
        {
          table,
          shard,
          symbol,
          candles: candles.filter(({ timeMs }) => !isOut(timeMs - (timeMs % table.lengthMs))),
          found: rows.filter(({ timeMs }) => !isOut(timeMs)),
          skip(periodMs) {
            if (log === undefined || !reached.candles(log.partitions) || isPending(periodMs))
              return 'not reached yet';
            const isWithin = (timeMs: number): boolean =>
              timeMs >= periodMs && timeMs < periodMs + table.lengthMs;
            if (wrongCandles.get(symbol)?.some(isWithin) === true) return 'made of a wrong candle';
            return isStillOpen(run, log, periodMs, periodMs + table.lengthMs) ? 'not closed yet' : null;
          },
        },
        tally,
      );
      for (const each of wrong) differences.addRollup({ feed, symbol, shard, table, ...each });
    }
  }
  differences.addPart('rollups', tally);
}

/** True if a period holds windows of the log that its watermark has not closed. */
function isStillOpen({ graceMs }: Run, log: ShardLog, fromMs: number, toMs: number): boolean {
  const firstOpenMs = log.watermarkMs - graceMs - WINDOW_MS + 1;
  return log.lastWindowMs >= firstOpenMs && toMs > firstOpenMs && fromMs <= log.lastWindowMs;
}
