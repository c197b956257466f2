import { createRoute, z } from '@hono/zod-openapi';
import { explainCandle } from '../explain.ts';
import { INTERVALS } from '../intervals.ts';
import { feedParam, symbolParam, timeParam } from '../params.ts';
import { refuse } from '../problem.ts';
import { answers } from './answers.ts';
import type { AddRoute } from './query-deps.ts';
import { seriesOf } from './which-series.ts';

const explainRoute = createRoute({
  method: 'get',
  path: '/v1/explain',
  summary:
    'What a 5-second candle is made of: its trades, its versions, the gaps that touch it, what was refused',
  request: { query: z.strictObject({ symbol: symbolParam, feed: feedParam, start: timeParam }) },
  responses: answers,
});

/** `/v1/explain` */
export const addExplain: AddRoute = (app, { store, refused }) => {
  app.openapi(explainRoute, async (c) => {
    const { symbol, feed, start } = c.req.valid('query');
    const { periodMs } = INTERVALS['5s'];
    if (start % periodMs !== 0)
      return refuse(400, 'No candle begins then', { start: 'expected a multiple of 5 s' });
    const explained = await explainCandle({ store, refused }, await seriesOf(store, { symbol, feed }), start);
    return c.json(explained, 200, { 'cache-control': 'private, no-cache' });
  });
};
