import { parseFeedGap } from '@kandle/market/feed/feed-gap';
import { foldColumns } from '@kandle/market/candle/fold';
import { parseTradeColumns } from '@kandle/market/trade/trade-batch';
import { EVENT_TYPES } from '@kandle/market/event/topics';
import { PoisonError } from '@kandle/runtime/errors';
import { parseOrPoison } from '@kandle/runtime/parse';
import type { ReceivedEvent } from '@kandle/runtime/received-event';
import { createRunAll } from '@kandle/runtime/run-all';
import { mergeIntoWindow, publishMerged } from './apply.ts';
import { WINDOWS_AT_ONCE } from './change.ts';
import { closeDueWindows } from './close.ts';
import type { AggregateDeps, BatchWork, KnownShard } from './deps.ts';
import { markGap } from './gap.ts';
import { registerOpenWindows } from './register.ts';

/**
 * Builds the function that folds one batch of trades into the windows it touches, and closes the windows that
 * the batch's watermark makes due.
 *
 * A feed gap marks the windows that it touches as incomplete. Idempotent: duplicates, any order, redriven dead
 * letters and retries after a crash end in the same candles. When the promise resolves, the merge is durable
 * and the candles of every final window it concerns are acknowledged.
 */
export function createAggregate(deps: AggregateDeps): (event: ReceivedEvent) => Promise<void> {
  const shards = new Map<string, KnownShard>();

  async function takeGap(event: ReceivedEvent): Promise<void> {
    const gap = parseOrPoison('feed gap', () => parseFeedGap(event.data));
    // What is remembered of the shard does not know the gap.
    shards.delete(gap.shard);
    await markGap(deps, gap);
  }

  return async function aggregate(event) {
    // No window holds them. None is left from 2026-12-21 on (`EVENT_TYPES`).
    if (event.type === EVENT_TYPES.books || event.type === EVENT_TYPES.news) return;
    if (event.type === EVENT_TYPES.feedGap) return takeGap(event);
    const batch = parseOrPoison('trade batch', () => parseTradeColumns(event.attributes, event.data));
    if (deps.wallMs() - batch.ingestTimeMs > deps.expiryMs) {
      throw new PoisonError(`Cannot count a batch: expired, it was made at ${batch.ingestTimeMs}`);
    }
    const position = { epoch: batch.epoch, sequence: batch.sequence, offset: event.offset };
    const folded = foldColumns(batch.columns, position);
    const windows = Array.from(folded, ([windowStartMs, candles]) => ({ windowStartMs, candles })).toSorted(
      (a, b) => a.windowStartMs - b.windowStartMs,
    );
    const touched = windows.map(({ windowStartMs }) => windowStartMs);
    const known = shards.get(batch.shard) ?? {
      shard: await deps.shards.read(batch.shard),
      done: null,
    };
    const work: BatchWork = { batch, position, ...known, fresh: new Set() };
    try {
      await registerOpenWindows(deps, work, touched);
      const merged = await createRunAll(WINDOWS_AT_ONCE)(windows, async (one) => ({
        one,
        changed: await mergeIntoWindow(deps, work, one),
      }));
      let isRepeat = false;
      // One after the other: whoever reads candles gets those of a symbol in their order.
      for (const { one, changed } of merged)
        isRepeat = (await publishMerged(deps, work, one, changed)) || isRepeat;
      // The first try may have died before it took the window off the list: what is remembered need not tell.
      if (isRepeat) work.shard = await deps.shards.read(batch.shard);
      await closeDueWindows(deps, work, touched);
      shards.set(batch.shard, { shard: work.shard, done: work.done });
    } catch (error) {
      shards.delete(batch.shard);
      throw error;
    }
  };
}
