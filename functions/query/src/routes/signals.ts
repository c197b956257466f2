import { feedParam, symbolParam } from '../params.ts';
import { keyOfSignal } from '../row-keys.ts';
import { answerList, listRoute, rangeOf } from './list.ts';
import type { AddRoute } from './query-deps.ts';
import { feedOf } from './which-series.ts';

const signalsRoute = listRoute('/v1/signals', 'What the rules found, of a feed or of one symbol', {
  symbol: symbolParam.optional(),
  feed: feedParam,
});

/** `/v1/signals` */
export const addSignals: AddRoute = (app, { store, wallMs }) => {
  app.openapi(signalsRoute, async (c) => {
    const asked = c.req.valid('query');
    const feed = await feedOf(store, asked);
    const { isClosed, ...range } = rangeOf(asked, wallMs());
    return answerList(asked, c.req.header('if-none-match'), {
      columns: ['start', 'symbol', 'rule', 'side', 'strength', 'text', 'state', 'caused_at', 'version'],
      rows: await store.signals(feed, asked.symbol ?? null, range),
      keyOf: (row) => ({ timeMs: row.start, key: keyOfSignal(row) }),
      about: { feed },
      isClosed,
    });
  });
};
