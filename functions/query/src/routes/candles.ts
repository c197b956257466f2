import { z } from '@hono/zod-openapi';
import { EXACT_CANDLE_COLUMNS } from '../exact.ts';
import { fillCandles } from '../fill.ts';
import { INTERVALS } from '../intervals.ts';
import { exactParam, feedParam, symbolParam } from '../params.ts';
import { CANDLE_COLUMNS } from '../rows.ts';
import { answerList, listRoute, rangeOf } from './list.ts';
import type { AddRoute } from './query-deps.ts';
import { seriesOf } from './which-series.ts';

const candlesRoute = listRoute('/v1/candles', 'Candles of a symbol; the newest version of each', {
  symbol: symbolParam,
  feed: feedParam,
  exact: exactParam,
  interval: z.enum(['5s', '1m', '5m', '1h', '1d']).default('5s'),
  fill: z.enum(['none', 'previous', 'null']).default('none').openapi({
    description: 'How periods without a trade are answered; filled rows have `filled`: true',
  }),
});

/** `/v1/candles` */
export const addCandles: AddRoute = (app, { store, wallMs }) => {
  app.openapi(candlesRoute, async (c) => {
    const asked = c.req.valid('query');
    const series = await seriesOf(store, asked);
    const interval = INTERVALS[asked.interval];
    const { fromMs, toMs, after, limit, isClosed } = rangeOf(asked, wallMs());
    const { periodMs } = interval;
    const { exact } = asked;
    const firstMs = Math.ceil(fromMs / periodMs) * periodMs;
    const beginMs = after === null ? firstMs : Math.max(firstMs, after.timeMs + periodMs);
    const read = await store.candles(series, interval, { fromMs: beginMs, toMs, limit, exact });
    // What is still to come is not empty.
    const lastMs = Math.min(toMs, Math.max(wallMs(), (read.at(-1)?.start ?? 0) + 1));
    const rows = fillCandles(read, {
      fill: asked.fill,
      periodMs,
      fromMs: beginMs,
      toMs: lastMs,
      closeBefore: asked.fill === 'previous' ? await store.closeBefore(series, interval, beginMs) : null,
      limit,
      exact,
    });
    return answerList(asked, c.req.header('if-none-match'), {
      columns: [...CANDLE_COLUMNS, 'filled', ...(exact ? EXACT_CANDLE_COLUMNS : [])],
      rows,
      keyOf: ({ start }) => ({ timeMs: start, key: '' }),
      about: { ...series, interval: interval.name },
      isClosed,
    });
  });
};
