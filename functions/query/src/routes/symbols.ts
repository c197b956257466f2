import { createRoute, z } from '@hono/zod-openapi';
import { respond } from '../answer.ts';
import { feedParam, rangeParams } from '../params.ts';
import { answers } from './answers.ts';
import type { AddRoute } from './query-deps.ts';

const symbolsRoute = createRoute({
  method: 'get',
  path: '/v1/symbols',
  summary: 'The symbols of all feeds, each with its newest trade',
  request: { query: z.strictObject({ feed: feedParam, format: rangeParams.format }) },
  responses: answers,
});

/** `/v1/symbols` */
export const addSymbols: AddRoute = (app, { store }) => {
  app.openapi(symbolsRoute, async (c) => {
    const { feed, format } = c.req.valid('query');
    const rows = await store.symbols(feed ?? null);
    const columns = ['feed', 'symbol', 'time', 'price', 'size'];
    return respond(
      { columns, rows, next: null, about: {}, format, isClosed: false },
      c.req.header('if-none-match'),
    );
  });
};
