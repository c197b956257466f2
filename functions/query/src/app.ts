import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi';
import { describeError, RetryableError } from '@kandle/runtime/errors';
import type { Logger } from '@kandle/runtime/log';
import { HTTPException } from 'hono/http-exception';
import { type Answer, respond } from './answer.ts';
import { explainCandle } from './explain.ts';
import { fillCandles } from './fill.ts';
import { INTERVALS } from './intervals.ts';
import { formatPageToken, type PageKey } from './page-token.ts';
import { DEFAULT_RANGE_MS, feedParam, rangeParams, symbolParam, timeParam } from './params.ts';
import { problemResponse, refuse } from './problem.ts';
import { keyOfGap, keyOfSignal } from './row-keys.ts';
import type { Cell } from './csv.ts';
import type { QueryStore, Series } from './store.ts';
import { STREAM_KINDS } from './stream/stream-event.ts';
import type { Streams } from './stream/stream-response.ts';

/** What the application is made of. */
export interface QueryDeps {
  readonly store: QueryStore;
  readonly streams: Streams;
  readonly maxStreams: number;
  readonly wallMs: () => number;
  readonly log: Logger;
}

/** A range that ended this long ago is closed: late trades of up to a quarter of an hour are in it. */
const CLOSED_AFTER_MS = 15 * 60_000;

const problem = {
  content: {
    'application/problem+json': {
      schema: z.object({
        status: z.number(),
        title: z.string(),
        fields: z.record(z.string(), z.string()).optional(),
      }),
    },
  },
};
const answers = {
  200: { description: 'The rows, ascending; `next` is the token of the next page, or null' },
  304: { description: 'Nothing has changed since the `ETag` of `If-None-Match`' },
  400: { description: 'A parameter is wrong; `fields` names it', ...problem },
  404: { description: 'No feed has this symbol', ...problem },
  503: { description: 'The database does not answer: try again', ...problem },
};

function listRoute<const P extends string, Q extends z.ZodRawShape>(path: P, summary: string, shape: Q) {
  return createRoute({
    method: 'get',
    path,
    summary,
    request: { query: z.strictObject({ ...shape, ...rangeParams }) },
    responses: answers,
  });
}

type Range = {
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  readonly limit: number;
  readonly page?: PageKey | undefined;
  readonly format: 'json' | 'csv';
};

/** The HTTP interface of the views: reads, and nothing else. `GET /v1/openapi.json` describes it. */
export function createQueryApp({ store, streams, maxStreams, wallMs, log }: QueryDeps): OpenAPIHono {
  const app = new OpenAPIHono({
    defaultHook: (result) => {
      if (result.success) return undefined;
      const fields = Object.fromEntries(
        result.error.issues.flatMap((issue) =>
          issue.code === 'unrecognized_keys'
            ? issue.keys.map((key) => [key, 'there is no such parameter'] as const)
            : [[issue.path.join('.') || 'query', missing(issue.message)] as const],
        ),
      );
      return problemResponse({ status: 400, title: 'A parameter is wrong', fields });
    },
  });

  /** The series that is meant; 404 if there is none, 400 if there are several. */
  async function seriesOf(symbol: string, feed: string | undefined): Promise<Series> {
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
  async function feedOf(symbol: string | undefined, feed: string | undefined): Promise<string> {
    if (symbol !== undefined) return (await seriesOf(symbol, feed)).feed;
    const feeds = await store.feeds();
    if (feed !== undefined) return feeds.includes(feed) ? feed : refuse(404, `There is no feed ${feed}`);
    const [only, another] = feeds;
    if (only !== undefined && another === undefined) return only;
    return only === undefined
      ? refuse(404, 'There is no feed yet')
      : refuse(400, 'There are several feeds', { feed: `expected one of ${feeds.join(', ')}` });
  }

  function rangeOf({ from, to, page, limit }: Range) {
    const nowMs = wallMs();
    const toMs = to ?? nowMs;
    const fromMs = from ?? toMs - DEFAULT_RANGE_MS;
    if (fromMs >= toMs) return refuse(400, 'The range is empty', { from: 'expected a time before `to`' });
    // One row more than asked for tells whether there is a next page.
    return { fromMs, toMs, after: page ?? null, limit: limit + 1, isClosed: toMs <= nowMs - CLOSED_AFTER_MS };
  }

  function list<T extends Readonly<Record<string, Cell>>>(
    params: Range,
    ifNoneMatch: string | undefined,
    found: Omit<Answer, 'format' | 'next' | 'rows'> & {
      readonly rows: readonly T[];
      readonly keyOf: (row: T) => PageKey;
    },
  ): Response {
    const rows = found.rows.slice(0, params.limit);
    const last = rows.at(-1);
    const next =
      found.rows.length > rows.length && last !== undefined ? formatPageToken(found.keyOf(last)) : null;
    return respond({ ...found, rows, next, format: params.format }, ifNoneMatch);
  }

  const symbolsRoute = createRoute({
    method: 'get',
    path: '/v1/symbols',
    summary: 'The symbols of all feeds, each with its newest trade',
    request: { query: z.strictObject({ feed: feedParam, format: rangeParams.format }) },
    responses: answers,
  });
  app.openapi(symbolsRoute, async (c) => {
    const { feed, format } = c.req.valid('query');
    const rows = await store.symbols(feed ?? null);
    const columns = ['feed', 'symbol', 'time', 'price', 'size'];
    return respond(
      { columns, rows, next: null, about: {}, format, isClosed: false },
      c.req.header('if-none-match'),
    );
  });

  const candlesRoute = listRoute('/v1/candles', 'Candles of a symbol; the newest version of each', {
    symbol: symbolParam,
    feed: feedParam,
    interval: z.enum(['5s', '1m', '5m', '1h', '1d']).default('5s'),
    fill: z.enum(['none', 'previous', 'null']).default('none').openapi({
      description: 'How periods without a trade are answered; filled rows have `filled`: true',
    }),
  });
  app.openapi(candlesRoute, async (c) => {
    const params = c.req.valid('query');
    const series = await seriesOf(params.symbol, params.feed);
    const interval = INTERVALS[params.interval];
    const { fromMs, toMs, after, limit, isClosed } = rangeOf(params);
    const { periodMs } = interval;
    const firstMs = Math.ceil(fromMs / periodMs) * periodMs;
    const beginMs = after === null ? firstMs : Math.max(firstMs, after.timeMs + periodMs);
    const read = await store.candles(series, interval, { fromMs: beginMs, toMs, limit });
    // What is still to come is not empty.
    const lastMs = Math.min(toMs, Math.max(wallMs(), (read.at(-1)?.start ?? 0) + 1));
    const rows = fillCandles(read, {
      fill: params.fill,
      periodMs,
      fromMs: beginMs,
      toMs: lastMs,
      closeBefore: params.fill === 'previous' ? await store.closeBefore(series, interval, beginMs) : null,
      limit,
    });
    return list(params, c.req.header('if-none-match'), {
      columns: CANDLE_COLUMNS,
      rows,
      keyOf: ({ start }) => ({ timeMs: start, key: '' }),
      about: { ...series, interval: interval.name },
      isClosed,
    });
  });

  const revisionsRoute = listRoute(
    '/v1/revisions',
    'Every version that the final 5-second candles have had',
    {
      symbol: symbolParam,
      feed: feedParam,
    },
  );
  app.openapi(revisionsRoute, async (c) => {
    const params = c.req.valid('query');
    const series = await seriesOf(params.symbol, params.feed);
    const { isClosed, ...range } = rangeOf(params);
    return list(params, c.req.header('if-none-match'), {
      columns: CANDLE_COLUMNS,
      rows: await store.revisions(series, range),
      keyOf: ({ start, version }) => ({ timeMs: start, key: String(version) }),
      about: { ...series },
      isClosed,
    });
  });

  const tradesRoute = listRoute('/v1/trades', 'Trades of a symbol, by time and id', {
    symbol: symbolParam,
    feed: feedParam,
  });
  app.openapi(tradesRoute, async (c) => {
    const params = c.req.valid('query');
    const series = await seriesOf(params.symbol, params.feed);
    const { isClosed, ...range } = rangeOf(params);
    return list(params, c.req.header('if-none-match'), {
      columns: ['time', 'id', 'price', 'size'],
      rows: await store.trades(series, range),
      keyOf: ({ time, id }) => ({ timeMs: time, key: id }),
      about: { ...series },
      isClosed,
    });
  });

  const indicatorsRoute = listRoute('/v1/indicators', 'One indicator of a symbol', {
    symbol: symbolParam,
    feed: feedParam,
    name: z
      .string()
      .regex(/^[a-z][a-z0-9_]{0,40}$/, 'expected the name of an indicator')
      .openapi({ example: 'sma20' }),
  });
  app.openapi(indicatorsRoute, async (c) => {
    const params = c.req.valid('query');
    const series = await seriesOf(params.symbol, params.feed);
    const { fromMs, toMs, after, limit, isClosed } = rangeOf(params);
    const beginMs = after === null ? fromMs : Math.max(fromMs, after.timeMs + 1);
    return list(params, c.req.header('if-none-match'), {
      columns: ['start', 'value', 'version'],
      rows: await store.indicators(series, params.name, { fromMs: beginMs, toMs, limit }),
      keyOf: ({ start }) => ({ timeMs: start, key: '' }),
      about: { ...series, name: params.name },
      isClosed,
    });
  });

  const signalsRoute = listRoute('/v1/signals', 'What the rules found, of a feed or of one symbol', {
    symbol: symbolParam.optional(),
    feed: feedParam,
  });
  app.openapi(signalsRoute, async (c) => {
    const params = c.req.valid('query');
    const feed = await feedOf(params.symbol, params.feed);
    const { isClosed, ...range } = rangeOf(params);
    return list(params, c.req.header('if-none-match'), {
      columns: ['start', 'symbol', 'rule', 'side', 'strength', 'text', 'state', 'caused_at', 'version'],
      rows: await store.signals(feed, params.symbol ?? null, range),
      keyOf: (row) => ({ timeMs: row.start, key: keyOfSignal(row) }),
      about: { feed },
      isClosed,
    });
  });

  const gapsRoute = listRoute(
    '/v1/gaps',
    'When a feed was away; candles that a gap touches are not complete',
    {
      feed: feedParam,
    },
  );
  app.openapi(gapsRoute, async (c) => {
    const params = c.req.valid('query');
    const feed = await feedOf(undefined, params.feed);
    const { isClosed, ...range } = rangeOf(params);
    return list(params, c.req.header('if-none-match'), {
      columns: ['from_time', 'to_time', 'shard', 'reason', 'dropped_records'],
      rows: await store.gaps(feed, range),
      keyOf: (row) => ({ timeMs: row.from_time, key: keyOfGap(row) }),
      about: { feed },
      isClosed,
    });
  });

  const explainRoute = createRoute({
    method: 'get',
    path: '/v1/explain',
    summary: 'What a 5-second candle is made of: its trades, its versions, the gaps that touch it',
    request: { query: z.strictObject({ symbol: symbolParam, feed: feedParam, start: timeParam }) },
    responses: answers,
  });
  app.openapi(explainRoute, async (c) => {
    const { symbol, feed, start } = c.req.valid('query');
    const { periodMs } = INTERVALS['5s'];
    if (start % periodMs !== 0)
      return refuse(400, 'No candle begins then', { start: 'expected a multiple of 5 s' });
    const explained = await explainCandle(store, await seriesOf(symbol, feed), start);
    return c.json(explained, 200, { 'cache-control': 'private, no-cache' });
  });

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

  app.get('/v1/health', async (c) => {
    await store.ping();
    return c.json({ status: 'ok' }, 200, { 'cache-control': 'no-store' });
  });
  app.doc('/v1/openapi.json', {
    openapi: '3.0.0',
    info: { title: 'Kandle: market data', version: '1', description: 'Times are epoch milliseconds UTC.' },
  });
  app.notFound((c) =>
    problemResponse({
      status: 404,
      title: `There is no ${c.req.path}; GET /v1/openapi.json lists what there is`,
    }),
  );
  app.onError((error, c) => {
    if (error instanceof HTTPException) return error.getResponse();
    log.warn({ path: c.req.path, err: error }, describeError(error));
    const isRetryable = error instanceof RetryableError;
    return problemResponse(
      isRetryable
        ? { status: 503, title: 'The database does not answer: try again' }
        : { status: 500, title: 'Something went wrong here' },
    );
  });
  return app;
}

const CANDLE_COLUMNS = [
  'start',
  'open',
  'high',
  'low',
  'close',
  'volume',
  'vwap',
  'mean_price',
  'trade_count',
  'state',
  'version',
  'revision',
  'reason',
  'complete',
  'filled',
];

/** A schema says of a missing value that it is undefined. */
function missing(message: string): string {
  return /received undefined/.test(message) ? 'is missing' : message;
}
