import { types } from 'cassandra-driver';

type Rows = readonly Readonly<Record<string, unknown>>[];

/** The driver's own result of a read whose rows come in pages. */
export function pagedResult(pages: readonly Rows[], page = 0): types.ResultSet {
  const rows = pages[page] ?? [];
  const meta = page + 1 < pages.length ? { pageState: String(page + 1) } : {};
  // The driver's types leave out what its constructor takes.
  const constructor: unknown = Reflect.get(types, 'ResultSet');
  if (typeof constructor !== 'function') throw new TypeError('the driver has no ResultSet');
  const result: types.ResultSet = Reflect.construct(constructor, [{ rows, meta }, '', {}, 0, 0, true]);
  return Object.assign(result, {
    nextPageAsync: async (state: string) => pagedResult(pages, Number(state)),
  });
}
