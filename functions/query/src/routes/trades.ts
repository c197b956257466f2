import { EXACT_TRADE_COLUMNS, exactTrade } from '../exact.ts';
import { TRADE_COLUMNS } from '../rows.ts';
import { exactParam, feedParam, symbolParam } from '../params.ts';
import { answerList, listRoute, rangeOf } from './list.ts';
import type { AddRoute } from './query-deps.ts';
import { seriesOf } from './which-series.ts';

const tradesRoute = {
  ...listRoute('/v1/trades', 'Trades of a symbol, by time and id', {
    symbol: symbolParam,
    feed: feedParam,
    exact: exactParam,
  }),
  description:
    '`backfilled` names where a trade was fetched that the feed had missed (`recording`, `finnhub`); it is null of those that came by the feed.',
};

/** `/v1/trades` */
export const addTrades: AddRoute = (app, { store, wallMs }) => {
  app.openapi(tradesRoute, async (c) => {
    const asked = c.req.valid('query');
    const series = await seriesOf(store, asked);
    const { isClosed, ...range } = rangeOf(asked, wallMs());
    const trades = await store.trades(series, range);
    return answerList(asked, c.req.header('if-none-match'), {
      columns: [...TRADE_COLUMNS, ...(asked.exact ? EXACT_TRADE_COLUMNS : [])],
      rows: asked.exact ? trades.map(exactTrade) : trades,
      keyOf: ({ time, id }) => ({ timeMs: time, key: id }),
      about: { ...series },
      isClosed,
    });
  });
};
