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
