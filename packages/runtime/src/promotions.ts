import {
  parsePromotions,
  type Place,
  placesOf,
  type Promotion,
  withPromotion,
} from '@kandle/market/view/promotions';
import type { Client } from 'cassandra-driver';
import {
  CONDITIONAL,
  expectedVersion,
  QUORUM_READ,
  readFromCassandra,
  SERIAL_READ,
  writeConditionally,
} from './conditional.ts';
import { RetryableError } from './errors.ts';

/** What the readers follow. */
interface Pointer {
  readonly version: number;
  readonly promotions: readonly Promotion[];
  readonly previous: readonly Promotion[];
}

/** What changes the pointer. */
type Writer = Pick<Client, 'execute' | 'batch'>;

/** The partition that readers follow. */
const VIEWS = 'views';
const SELECT = 'SELECT version, ranges, previous FROM promotions WHERE name = ? LIMIT 1';
const UPDATE =
  'UPDATE promotions SET version = ?, ranges = ?, previous = ?, changed_at = ? WHERE name = ? IF version = ?';
const INSERT_PLACE =
  'INSERT INTO promotions (name, table_name, until, since, read_in) VALUES (?, ?, ?, ?, ?)';
const DELETE_PLACE = 'DELETE FROM promotions WHERE name = ? AND table_name = ? AND until = ?';

/** The promotions of now, for a reader: a moment old at most. */
export async function readPromotions(client: Pick<Client, 'execute'>): Promise<readonly Promotion[]> {
  const { rows } = await readFromCassandra('read the promotions', () =>
    client.execute(SELECT, [VIEWS], QUORUM_READ),
  );
  return parsePromotions(textOf(rows[0]?.['ranges']));
}

/**
 * Lets readers find a stretch of time in a shadow's keyspace: one conditional write, before which they read the
 * old one and after which the new one.
 *
 * @throws {RetryableError} If somebody else changed the pointer at that moment; nothing was changed then.
 * @throws {RangeError} If there are too many promotions then.
 */
export async function promote(client: Writer, one: Promotion, at: Date): Promise<Pointer> {
  return change(client, at, ({ promotions, previous }) => {
    const next = withPromotion(promotions, one);
    // What is promoted already is no change: a rollback gives what was there before it.
    return isSame(next, promotions) ? { promotions, previous } : { promotions: next, previous: promotions };
  });
}

/**
 * Gives readers what they had before the last change; twice gives them that again. @throws As {@link promote}.
 */
export async function rollBack(client: Writer, at: Date): Promise<Pointer> {
  return change(client, at, ({ promotions, previous }) => ({ promotions: previous, previous: promotions }));
}

/**
 * Takes a keyspace out of what a rollback would bring back, before it is dropped. @throws As {@link promote}.
 */
export async function forget(client: Writer, keyspace: string, at: Date): Promise<void> {
  const { previous } = await readPointer(client);
  if (!previous.some((one) => one.keyspace === keyspace)) return;
  await change(client, at, (pointer) => ({
    promotions: pointer.promotions,
    previous: pointer.previous.filter((one) => one.keyspace !== keyspace),
  }));
}

async function change(
  client: Writer,
  at: Date,
  changed: (pointer: Pointer) => Omit<Pointer, 'version'>,
): Promise<Pointer> {
  const before = await readPointer(client);
  const { promotions, previous } = changed(before);
  const next = { version: before.version + 1, promotions, previous };
  const expected = expectedVersion(next.version);
  const pointer = {
    query: UPDATE,
    params: [
      BigInt(next.version),
      JSON.stringify(promotions),
      JSON.stringify(previous),
      at,
      VIEWS,
      expected === null ? null : BigInt(expected),
    ],
  };
  const outcome = await writeConditionally('change the promotions', () =>
    client.batch([pointer, ...placeChanges(before.promotions, promotions)], CONDITIONAL),
  );
  if (outcome === 'applied') return next;
  // Unknown: a serial read says whether it was we who wrote this version.
  const now = await readPointer(client);
  if (outcome === 'unknown' && now.version === next.version && isSame(now.promotions, promotions)) return now;
  throw new RetryableError(
    'Cannot change the promotions: they were changed at this moment; look, and try again',
  );
}

/** The rows for readers that cannot cut a range, in the same partition: they change with the pointer or not. */
function placeChanges(before: readonly Promotion[], after: readonly Promotion[]) {
  const keyOf = ({ view, toMs }: Place): string => `${view} ${toMs}`;
  const places = placesOf(after);
  const kept = new Set(places.map(keyOf));
  return [
    ...placesOf(before)
      .filter((place) => !kept.has(keyOf(place)))
      .map(({ view, toMs }) => ({ query: DELETE_PLACE, params: [VIEWS, view, new Date(toMs)] })),
    ...places.map(({ view, toMs, fromMs, keyspace }) => ({
      query: INSERT_PLACE,
      params: [VIEWS, view, new Date(toMs), new Date(fromMs), keyspace],
    })),
  ];
}

async function readPointer(client: Pick<Client, 'execute'>): Promise<Pointer> {
  const { rows } = await readFromCassandra('read the promotions', () =>
    client.execute(SELECT, [VIEWS], SERIAL_READ),
  );
  const [row] = rows;
  return {
    version: Number(row?.['version'] ?? 0),
    promotions: parsePromotions(textOf(row?.['ranges'])),
    previous: parsePromotions(textOf(row?.['previous'])),
  };
}

function isSame(one: readonly Promotion[], other: readonly Promotion[]): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
