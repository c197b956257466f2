import { compareRollups, ROLLUP_TABLES } from './compare-rollups.ts';
import { type ShardLog, WINDOW_MS } from './raw-log.ts';
import type { Run } from './run.ts';
import { isInScope } from './scope.ts';
import { createTally } from './tally.ts';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/** Compares the longer candles with the final 5-second ones, for the days in which the log has trades. */
export async function auditRollups(run: Run): Promise<void> {
  const { stored, scope, lookedAt, report, reached, shards, shardOfSymbol } = run;
  const tally = createTally();
  // Word of what is not rolled up yet before the candles, and the candles before what was made of them.
  const pending = await stored.pendingRollups();
  const wrongCandles = report.wrongCandles();
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
            if (log === undefined || !reached.candles(log.partition) || isPending(periodMs))
              return 'not reached yet';
            const isWithin = (timeMs: number): boolean =>
              timeMs >= periodMs && timeMs < periodMs + table.lengthMs;
            if (wrongCandles.get(symbol)?.some(isWithin) === true) return 'made of a wrong candle';
            return isStillOpen(run, log, periodMs, periodMs + table.lengthMs) ? 'not closed yet' : null;
          },
        },
        tally,
      );
      for (const each of wrong) report.addRollup({ feed, symbol, shard, table, ...each });
    }
  }
  report.addPart('rollups', tally);
}

/** True if a period holds windows of the log that its watermark has not closed. */
function isStillOpen({ graceMs }: Run, log: ShardLog, fromMs: number, toMs: number): boolean {
  const firstOpenMs = log.watermarkMs - graceMs - WINDOW_MS + 1;
  return log.lastWindowMs >= firstOpenMs && toMs > firstOpenMs && fromMs <= log.lastWindowMs;
}
