import { translateCassandraError } from '@kandle/runtime/cassandra';
import { parseRows } from '@kandle/runtime/cassandra-rows';
import type { Client } from 'cassandra-driver';
import type { z } from 'zod';

/** Rows of one answer of the database: what a request holds in memory beside its own page. */
const FETCH_SIZE = 1_000;
/** Most partitions that one question reads at once. */
const READS_AT_ONCE = 8;

/** Rows of a fixed statement with bound values, at most so many of those that are wanted. */
export type Select = <T>(
  schema: z.ZodType<T>,
  statement: string,
  params: readonly unknown[],
  limit: number,
  isWanted?: (row: T) => boolean,
) => Promise<readonly T[]>;

/** Reads rows by their schema. @throws {RetryableError | PoisonError} By the function that it answers with. */
export function createSelect(client: Client): Select {
  return async (schema, statement, params, limit, isWanted) => {
    const found: z.infer<typeof schema>[] = [];
    try {
      let pageState: string | undefined;
      do {
        const result = await client.execute(statement, [...params], {
          prepare: true,
          isIdempotent: true,
          // Of those that are read, few may be wanted.
          fetchSize: isWanted === undefined ? Math.min(FETCH_SIZE, limit) : FETCH_SIZE,
          ...(pageState === undefined ? {} : { pageState }),
        });
        const rows = parseRows(schema, result.rows, 'read a view');
        found.push(...(isWanted === undefined ? rows : rows.filter(isWanted)));
        pageState = result.pageState ?? undefined;
      } while (pageState !== undefined && found.length < limit);
    } catch (error) {
      throw translateCassandraError(error, 'read a view');
    }
    return found.slice(0, limit);
  };
}

/** Rows of consecutive partitions in their order, a few partitions at once, until there are enough. */
export async function selectOver<K, T>(
  keys: Iterable<K> | AsyncIterable<K>,
  limit: number,
  read: (key: K, limit: number) => Promise<readonly T[]>,
): Promise<readonly T[]> {
  const found: T[] = [];
  const waiting = Symbol.asyncIterator in keys ? keys[Symbol.asyncIterator]() : keys[Symbol.iterator]();
  for (let atOnce = 1; found.length < limit; ) {
    const wanted = limit - found.length;
    const reads: Promise<readonly T[]>[] = [];
    for (let next = await waiting.next(); next.done !== true; next = await waiting.next()) {
      if (reads.push(read(next.value, wanted)) === atOnce) break;
    }
    if (reads.length === 0) break;
    const lists = await Promise.all(reads);
    for (const list of lists) found.push(...list);
    // As many as are needed if the next ones are like the fullest of these: little is read in vain.
    const fullest = Math.max(1, ...lists.map(({ length }) => length));
    atOnce = Math.min(Math.max(1, Math.ceil((limit - found.length) / fullest)), READS_AT_ONCE);
  }
  return found.slice(0, limit);
}
