import { compareRollups } from './compare/compare-rollups.ts';
import type { ShardLog } from './recompute/raw-log.ts';
import type { Run } from './run.ts';
import { DAY_MS, ROLLUP_TABLES, startOf, WINDOW_MS } from './values/periods.ts';
import { feedOf, isInScope } from './values/scope.ts';
import { createTally, type Tally } from './values/tally.ts';

const MINUTE_MS = 60_000;

/** Symbols whose candles of a day are held at once: 17,280 of each, if it never rests. */
const SYMBOLS_AT_ONCE = 4;

/** Compares the longer candles with the final 5-second ones, for the days in which the log has trades. */
export async function auditRollups(run: Run): Promise<void> {
  const { stored, scope, lookedAt, differences } = run;
  const tally = createTally();
  // Word of what is not rolled up yet before the candles, and the candles before what was made of them.
  const known = { pending: await stored.pendingRollups(), wrongCandles: differences.wrongCandles() };
  const buckets = new Map<string, number[]>();
  for await (const { feed, shard, startMs } of stored.candlePartitions()) {
    if (feed !== feedOf(shard)) continue;
    const key = `${shard} ${startOf(startMs, DAY_MS)}`;
    buckets.set(key, [...(buckets.get(key) ?? []), startMs]);
  }
  for (const { shard, dayMs, symbols } of lookedAt.days()) {
    if (!isInScope({ ...scope, sinceMs: null, untilMs: null }, feedOf(shard), dayMs)) continue;
    const bucketsMs = (buckets.get(`${shard} ${dayMs}`) ?? []).toSorted((a, b) => a - b);
    for (let from = 0; from < symbols.length; from += SYMBOLS_AT_ONCE) {
      const part = symbols.slice(from, from + SYMBOLS_AT_ONCE);
      await auditDay(run, { shard, dayMs, symbols: part, bucketsMs }, known, tally);
    }
  }
  differences.addPart('rollups', tally);
}

interface ShardDay {
  readonly shard: string;
  readonly dayMs: number;
  readonly symbols: readonly string[];
  readonly bucketsMs: readonly number[];
}

interface KnownBefore {
  readonly pending: ReadonlySet<string>;
  readonly wrongCandles: ReadonlyMap<string, readonly number[]>;
}

/** Compares the longer candles of some symbols on one day. */
async function auditDay(
  run: Run,
  { shard, dayMs, symbols, bucketsMs }: ShardDay,
  { pending, wrongCandles }: KnownBefore,
  tally: Tally,
): Promise<void> {
  const { stored, scope, differences, reached, shards } = run;
  const feed = feedOf(shard);
  const log = shards.get(shard);
  const of = { feed, shard, symbols };
  const finals = (await stored.candlesOf(of, bucketsMs)).filter(
    ({ columns }) => columns['state'] !== 'provisional',
  );
  for (const table of ROLLUP_TABLES) {
    const isOut = (periodMs: number): boolean =>
      !isInScope(scope, feed, periodMs) || !isInScope(scope, feed, periodMs + table.lengthMs - WINDOW_MS);
    const rows = await stored.rollups(table, of, { fromMs: dayMs, toMs: dayMs + DAY_MS });
    for (const symbol of symbols) {
      const isPending = (periodMs: number): boolean => {
        for (let minuteMs = periodMs; minuteMs < periodMs + table.lengthMs; minuteMs += MINUTE_MS)
          if (pending.has(`${feed} ${symbol} ${minuteMs}`)) return true;
        return false;
      };
      const wrong = compareRollups(
        {
          table,
          shard,
          symbol,
          candles: finals.filter(
            (row) => row.symbol === symbol && !isOut(row.timeMs - (row.timeMs % table.lengthMs)),
          ),
          found: rows.filter((row) => row.symbol === symbol && !isOut(row.timeMs)),
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
}

/** True if a period holds windows of the log that its watermark has not closed. */
function isStillOpen({ graceMs }: Run, log: ShardLog, fromMs: number, toMs: number): boolean {
  const firstOpenMs = log.watermarkMs - graceMs - WINDOW_MS + 1;
  return log.lastWindowMs >= firstOpenMs && toMs > firstOpenMs && fromMs <= log.lastWindowMs;
}
