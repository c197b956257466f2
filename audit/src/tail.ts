import type { Place } from './compare/differences.ts';
import type { Gap } from './read/raw-batch.ts';
import type { OffsetRange, TopicReader } from './read/topic-reader.ts';
import { createRawLog } from './recompute/raw-log.ts';
import type { Run } from './run.ts';
import { ROLLUP_TABLES, WINDOW_MS } from './values/periods.ts';

/** What came into the log while the audit ran. */
export interface Tail {
  readonly gaps: readonly Gap[];
  /** True if a batch or gap of the tail belongs to the window: of the shard, or of the symbol. */
  readonly hasMovedOn: (place: Place) => boolean;
}

/**
 * Reads what came into the log meanwhile, when it is first asked for. Whatever was stored later than the log
 * was read comes from there, so that a window which it touches is no difference but work in progress.
 *
 * To be asked after everything else was read.
 */
export function readTail(
  run: Run,
  reader: TopicReader,
  before: readonly OffsetRange[],
  now: () => Promise<readonly OffsetRange[]>,
): () => Promise<Tail> {
  return async () => {
    const touched = new Map<string, number[]>();
    const touch = (name: string, windowStartMs: number): void => {
      touched.set(name, [...(touched.get(name) ?? []), windowStartMs]);
    };
    const gaps: Gap[] = [];
    const froms = new Map(before.map(({ partition, to }) => [partition, to]));
    for (const { partition, from, to } of await now()) {
      const log = createRawLog({
        horizonMs: run.horizonMs,
        placeOf: () => undefined,
        maxHeldTrades: run.maxHeldTrades,
        release: 'at the end',
        isWanted: run.isWanted,
        isDead: () => false,
        onStretch({ log: { shard }, windows }) {
          for (const [windowStartMs, trades] of windows) {
            touch(shard, windowStartMs);
            for (const symbol of new Set(trades.map((trade) => trade.symbol))) touch(symbol, windowStartMs);
          }
          return Promise.resolve();
        },
      });
      await reader.read({ partition, from: froms.get(partition) ?? from, to }, (event) => log.take(event));
      await log.finish();
      gaps.push(...log.gaps);
    }
    return {
      gaps,
      hasMovedOn({ subject, shard, symbol, windowStartMs }) {
        if (windowStartMs === null) return false;
        const lengthMs = ROLLUP_TABLES.find(({ table }) => table === subject)?.lengthMs ?? WINDOW_MS;
        const isWithin = (timeMs: number): boolean =>
          timeMs >= windowStartMs && timeMs < windowStartMs + lengthMs;
        return (
          (touched.get(shard ?? '') ?? []).some(isWithin) ||
          (touched.get(symbol ?? '') ?? []).some(isWithin) ||
          gaps.some(
            (gap) =>
              gap.shard === shard && gap.fromMs < windowStartMs + lengthMs && gap.toMs >= windowStartMs,
          )
        );
      },
    };
  };
}
