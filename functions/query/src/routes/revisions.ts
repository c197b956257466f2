import { EXACT_CANDLE_COLUMNS } from '../exact.ts';
import { exactParam, feedParam, symbolParam } from '../params.ts';
import { CANDLE_COLUMNS } from '../rows.ts';
import { answerList, listRoute, rangeOf } from './list.ts';
import type { AddRoute } from './query-deps.ts';
import { seriesOf } from './which-series.ts';

const revisionsRoute = listRoute('/v1/revisions', 'Every version that the final 5-second candles have had', {
  symbol: symbolParam,
  feed: feedParam,
  exact: exactParam,
});

/** `/v1/revisions` */
export const addRevisions: AddRoute = (app, { store, wallMs }) => {
  app.openapi(revisionsRoute, async (c) => {
    const asked = c.req.valid('query');
    const { exact } = asked;
    const series = await seriesOf(store, asked);
    const { isClosed, ...range } = rangeOf(asked, wallMs());
    return answerList(asked, c.req.header('if-none-match'), {
      columns: [...CANDLE_COLUMNS, 'filled', ...(exact ? EXACT_CANDLE_COLUMNS : [])],
      rows: await store.revisions(series, { ...range, exact }),
      keyOf: ({ start, version }) => ({ timeMs: start, key: String(version) }),
      about: { ...series },
      isClosed,
    });
  });
};
