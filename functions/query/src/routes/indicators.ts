import { z } from '@hono/zod-openapi';
import { feedParam, symbolParam } from '../params.ts';
import { answerList, listRoute, rangeOf } from './list.ts';
import type { AddRoute } from './query-deps.ts';
import { seriesOf } from './which-series.ts';

const indicatorsRoute = listRoute('/v1/indicators', 'One indicator of a symbol', {
  symbol: symbolParam,
  feed: feedParam,
  name: z
    .string()
    .regex(/^[a-z][a-z0-9_]{0,40}$/, 'expected the name of an indicator')
    .openapi({ example: 'sma20' }),
});

/** `/v1/indicators` */
export const addIndicators: AddRoute = (app, { store, wallMs }) => {
  app.openapi(indicatorsRoute, async (c) => {
    const asked = c.req.valid('query');
    const series = await seriesOf(store, asked);
    const { fromMs, toMs, after, limit, isClosed } = rangeOf(asked, wallMs());
    const beginMs = after === null ? fromMs : Math.max(fromMs, after.timeMs + 1);
    return answerList(asked, c.req.header('if-none-match'), {
      columns: ['start', 'value', 'version'],
      rows: await store.indicators(series, asked.name, { fromMs: beginMs, toMs, limit }),
      keyOf: ({ start }) => ({ timeMs: start, key: '' }),
      about: { ...series, name: asked.name },
      isClosed,
    });
  });
};
