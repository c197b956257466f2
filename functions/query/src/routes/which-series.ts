import { refuse } from '../problem.ts';
import type { QueryStore, Series } from '../store.ts';

/** The series that is meant; 404 if there is none, 400 if there are several. */
export async function seriesOf(
  store: QueryStore,
  { symbol, feed }: { readonly symbol: string; readonly feed?: string | undefined },
): Promise<Series> {
  const feeds = await store.feedsOf(symbol);
  if (feed !== undefined) {
    return feeds.includes(feed) ? { feed, symbol } : refuse(404, `Feed ${feed} has no symbol ${symbol}`);
  }
  const [only, another] = feeds;
  if (only === undefined) return refuse(404, `No feed has the symbol ${symbol}`);
  if (another !== undefined) {
    return refuse(400, 'Several feeds have this symbol', { feed: `expected one of ${feeds.join(', ')}` });
  }
  return { feed: only, symbol };
}

/** The feed that is meant: named, that of the symbol, or the only one there is. */
export async function feedOf(
  store: QueryStore,
  { symbol, feed }: { readonly symbol?: string | undefined; readonly feed?: string | undefined },
): Promise<string> {
  if (symbol !== undefined) return (await seriesOf(store, { symbol, feed })).feed;
  const feeds = await store.feeds();
  if (feed !== undefined) return feeds.includes(feed) ? feed : refuse(404, `There is no feed ${feed}`);
  const [only, another] = feeds;
  if (only !== undefined && another === undefined) return only;
  return only === undefined
    ? refuse(404, 'There is no feed yet')
    : refuse(400, 'There are several feeds', { feed: `expected one of ${feeds.join(', ')}` });
}
