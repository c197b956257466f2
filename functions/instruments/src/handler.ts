import type { MarketEvent } from '@kandle/market/event/market-event';
import { formatInstrument, formatListOutcome } from '@kandle/market/instrument/instrument-events';
import { refreshInstruments } from '@kandle/market/instrument/refresh';
import type { VendorList } from '@kandle/market/instrument/vendor-lists';
import { describeError } from '@kandle/runtime/errors';
import type { Logger } from '@kandle/runtime/log';
import type { ListName } from './read-list.ts';
import type { InstrumentStore } from './store.ts';

/** What a refresh needs. */
export interface RefreshDeps {
  readonly feed: string;
  readonly lists: readonly ListName[];
  readonly acceptShrink: boolean;
  readonly read: (list: ListName) => Promise<VendorList>;
  readonly store: InstrumentStore;
  readonly wallMs: () => number;
  readonly log: Logger;
}

/** What publishing needs. */
export interface PublishDeps {
  readonly feed: string;
  readonly lists: readonly ListName[];
  readonly store: InstrumentStore;
  /** Resolves when they are acknowledged. */
  readonly send: (events: readonly MarketEvent[]) => Promise<void>;
}

/** Instruments that are sent, and noted as sent, at once: 1,000 are about 500 KB. */
const AT_ONCE = 1_000;

/**
 * Publishes what has changed of a feed and was not published yet, and how the newest refresh of each list
 * ended. What was sent and not noted, because the process ended in between, is sent again: it has the same id.
 *
 * @returns The number of instruments.
 * @throws {RetryableError} If Kafka or the database does not answer: what is left is published the next time.
 */
export async function publishAll({ feed, lists, store, send }: PublishDeps): Promise<number> {
  let count = 0;
  for (;;) {
    const changed = await store.unpublished(feed, AT_ONCE);
    if (changed.length === 0) break;
    await send(changed.map(formatInstrument));
    await store.published(changed);
    count += changed.length;
  }
  const outcomes = await Promise.all(lists.map((list) => store.outcome(feed, nameOf(list))));
  await send(outcomes.filter((outcome) => outcome !== null).map(formatListOutcome));
  return count;
}

/**
 * Refreshes every list once: reads it and keeps what it changes. One that cannot be read, or is refused,
 * changes nothing, and the reason is kept.
 *
 * @returns The number of lists that were not taken.
 * @throws {RetryableError} If the database does not answer.
 */
export async function refreshAll(deps: RefreshDeps): Promise<number> {
  let failed = 0;
  for (const list of deps.lists) failed += (await refreshOne(list, deps)) ? 0 : 1;
  return failed;
}

async function refreshOne(listName: ListName, deps: RefreshDeps): Promise<boolean> {
  const { feed, acceptShrink, store, log } = deps;
  const list = nameOf(listName);
  const vendorList = await deps.read(listName).catch((error: unknown) => describeError(error));
  const nowMs = deps.wallMs();
  const refresh = await store.refresh({ feed, list, nowMs }, (known) =>
    typeof vendorList === 'string'
      ? { kind: 'refused', reason: vendorList }
      : refreshInstruments(known, vendorList.listings, { feed, list, nowMs, acceptShrink }),
  );
  const outcome = await store.outcome(feed, list);
  if (outcome === null) throw new Error(`Cannot tell of ${list}: its refresh is not there`);
  if (refresh.kind === 'refused') {
    log.error({ feed, list, active: outcome.active }, `list refused: ${refresh.reason}`);
    return false;
  }
  const { changed, leftOut } = refresh;
  const unreadable = typeof vendorList === 'string' ? 0 : vendorList.unreadable;
  log.info(
    { feed, list, active: outcome.active, changed: changed.length, leftOut, unreadable },
    'list taken',
  );
  return true;
}

function nameOf({ kind, exchange }: ListName): string {
  return exchange === null ? kind : `${kind}:${exchange}`;
}
