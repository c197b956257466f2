import { OpenAPIHono } from '@hono/zod-openapi';
import { describeError, RetryableError } from '@kandle/runtime/errors';
import type { Logger } from '@kandle/runtime/log';
import { HTTPException } from 'hono/http-exception';
import { problemResponse } from './problem.ts';
import { addCandles } from './routes/candles.ts';
import { addConsole } from './routes/console.ts';
import { addExplain } from './routes/explain.ts';
import { addGaps } from './routes/gaps.ts';
import { addIndicators } from './routes/indicators.ts';
import { addInstruments } from './routes/instruments.ts';
import type { RouteDeps } from './routes/query-deps.ts';
import { addRevisions } from './routes/revisions.ts';
import { addSignals } from './routes/signals.ts';
import { addStream } from './routes/stream.ts';
import { addSymbols } from './routes/symbols.ts';
import { addTrades } from './routes/trades.ts';

/** What the application is made of. */
export interface QueryDeps extends RouteDeps {
  readonly log: Logger;
}

/** The paths in the order in which `openapi.json` lists them. */
const ROUTES = [
  addSymbols,
  addCandles,
  addRevisions,
  addTrades,
  addIndicators,
  addSignals,
  addGaps,
  addInstruments,
  addExplain,
  addStream,
  addConsole,
];

/** The HTTP interface of the views: reads, and nothing else. `GET /v1/openapi.json` describes it. */
export function createQueryApp({ log, ...deps }: QueryDeps): OpenAPIHono {
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
  for (const add of ROUTES) add(app, deps);
  app.get('/v1/health', async (c) => {
    await deps.store.ping();
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

/** A schema says of a missing value that it is undefined. */
function missing(message: string): string {
  return /received undefined/.test(message) ? 'is missing' : message;
}
