import { EXACT_TRADE_COLUMNS, exactTrade } from '../exact.ts';
import { exactParam, feedParam, symbolParam } from '../params.ts';
import { answerList, listRoute, rangeOf } from './list.ts';
import type { AddRoute } from './query-deps.ts';
import { seriesOf } from './which-series.ts';

const tradesRoute = listRoute('/v1/trades', 'Trades of a symbol, by time and id', {
  symbol: symbolParam,
  feed: feedParam,
  exact: exactParam,
});

/** `/v1/trades` */
export const addTrades: AddRoute = (app, { store, wallMs }) => {
  app.openapi(tradesRoute, async (c) => {
    const asked = c.req.valid('query');
    const series = await seriesOf(store, asked);
    const { isClosed, ...range } = rangeOf(asked, wallMs());
    const trades = await store.trades(series, range);
    return answerList(asked, c.req.header('if-none-match'), {
      columns: [
        'time',
        'id',
        'price',
        'size',
        'conditions',
        'price_rank',
        ...(asked.exact ? EXACT_TRADE_COLUMNS : []),
      ],
      rows: asked.exact ? trades.map(exactTrade) : trades,
      keyOf: ({ time, id }) => ({ timeMs: time, key: id }),
      about: { ...series },
      isClosed,
    });
  });
};
