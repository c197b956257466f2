import { createRoute, z } from '@hono/zod-openapi';
import { feedParam, symbolParam } from '../params.ts';
import { refuse } from '../problem.ts';
import { STREAM_KINDS } from '../stream/stream-event.ts';
import { answers } from './answers.ts';
import type { AddRoute } from './query-deps.ts';

const streamRoute = createRoute({
  method: 'get',
  path: '/v1/stream',
  summary: 'Candles, indicators and signals as they come (server-sent events)',
  description:
    'Events `candles`, `indicators` and `signals` have `data` {feed, rows}; `begin` comes first; `missed` says that ' +
    'Kafka does not hold any more what came before: read the lists again. The stream ends itself after some ' +
    'minutes; a client that comes again with `Last-Event-ID` misses nothing.',
  request: {
    query: z.strictObject({
      symbol: z.union([symbolParam, z.array(symbolParam).max(100)]).optional(),
      feed: feedParam,
      kind: z.union([z.enum(STREAM_KINDS), z.array(z.enum(STREAM_KINDS)).max(3)]).optional(),
    }),
  },
  responses: {
    ...answers,
    200: { description: 'The stream', content: { 'text/event-stream': { schema: z.string() } } },
  },
});

/** `/v1/stream` */
export const addStream: AddRoute = (app, { streams, maxStreams }) => {
  app.openapi(streamRoute, async (c) => {
    const { symbol, feed, kind } = c.req.valid('query');
    if (streams.count() >= maxStreams) return refuse(429, 'There are too many streams: come again later');
    return streams.open({
      kinds: new Set(kind === undefined ? STREAM_KINDS : [kind].flat()),
      symbols: symbol === undefined ? null : new Set([symbol].flat()),
      feed: feed ?? null,
      lastEventId: c.req.header('last-event-id') ?? null,
    });
  });
};
