import { createRoute, z } from '@hono/zod-openapi';
import { respond } from '../answer.ts';
import { feedParam, rangeParams, symbolParam, timeParam } from '../params.ts';
import { keyOfInstrument, placeOfInstrument } from '../row-keys.ts';
import { InstrumentListRowSchema, type InstrumentRow, InstrumentRowSchema } from '../rows.ts';
import { answers } from './answers.ts';
import { answerList } from './list.ts';
import type { AddRoute } from './query-deps.ts';

const { limit, page, format } = rangeParams;
const words = z.string().min(1).max(200).optional();

const instrumentsRoute = createRoute({
  method: 'get',
  path: '/v1/instruments',
  summary: 'Instruments by the lists of the vendors: what a symbol meant, and when',
  description:
    'A symbol that another company uses again has another row. `valid_to` is null while it still means this one.',
  request: {
    query: z.strictObject({
      feed: feedParam.openapi({ description: 'Of this feed only.' }),
      symbol: z.union([symbolParam, z.array(symbolParam).max(200)]).optional(),
      text: words.openapi({
        description: 'Part of symbol, description, id, FIGI or ISIN, in capitals or not',
        example: 'apple',
      }),
      market: words.openapi({ example: 'XNAS' }),
      type: words.openapi({ example: 'Common Stock' }),
      status: z.enum(['active', 'inactive']).optional(),
      at: timeParam.optional().openapi({ description: 'What the symbols meant at this time.' }),
      limit,
      page,
      format,
    }),
  },
  responses: answers,
});

const listsRoute = createRoute({
  method: 'get',
  path: '/v1/instrument-lists',
  summary: 'When each list of instruments was last taken from its vendor, and why a newer one was refused',
  request: { query: z.strictObject({ format }) },
  responses: answers,
});

/** `/v1/instruments` and `/v1/instrument-lists` */
export const addInstruments: AddRoute = (app, { store }) => {
  app.openapi(instrumentsRoute, async (c) => {
    const asked = c.req.valid('query');
    const { feed, symbol, page: after } = asked;
    return answerList(asked, c.req.header('if-none-match'), {
      columns: Object.keys(InstrumentRowSchema.shape),
      rows: await store.instruments({
        feed: feed ?? null,
        symbols: symbol === undefined ? null : [symbol].flat(),
        isWanted: filterOf(asked),
        after: after === undefined ? null : placeOfInstrument(after),
        // One row more than asked for tells whether there is a next page.
        limit: asked.limit + 1,
      }),
      keyOf: keyOfInstrument,
      about: {},
      isClosed: false,
    });
  });
  app.openapi(listsRoute, async (c) => {
    const rows = await store.instrumentLists();
    const columns = Object.keys(InstrumentListRowSchema.shape);
    const answer = { columns, rows, next: null, about: {}, isClosed: false };
    return respond({ ...answer, format: c.req.valid('query').format }, c.req.header('if-none-match'));
  });
};

/** What instruments are searched by. */
interface InstrumentFilter {
  readonly text?: string | undefined;
  readonly market?: string | undefined;
  readonly type?: string | undefined;
  readonly status?: string | undefined;
  readonly at?: number | undefined;
}

function filterOf({ text, market, type, status, at }: InstrumentFilter): (row: InstrumentRow) => boolean {
  const wanted = text?.toLowerCase();
  return (row) =>
    (market === undefined || row.market === market) &&
    (type === undefined || row.type === type) &&
    (status === undefined || row.status === status) &&
    (at === undefined || (row.valid_from <= at && (row.valid_to === null || at < row.valid_to))) &&
    (wanted === undefined ||
      [row.symbol, row.description, row.id, row.figi, row.isin].some((one) =>
        one.toLowerCase().includes(wanted),
      ));
}
