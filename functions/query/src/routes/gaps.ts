import { feedParam } from '../params.ts';
import { keyOfGap } from '../row-keys.ts';
import { answerList, listRoute, rangeOf } from './list.ts';
import type { AddRoute } from './query-deps.ts';
import { feedOf } from './which-series.ts';

const gapsRoute = listRoute('/v1/gaps', 'When a feed was away; candles that a gap touches are not complete', {
  feed: feedParam,
});

/** `/v1/gaps` */
export const addGaps: AddRoute = (app, { store, wallMs }) => {
  app.openapi(gapsRoute, async (c) => {
    const asked = c.req.valid('query');
    const feed = await feedOf(store, { feed: asked.feed });
    const { isClosed, ...range } = rangeOf(asked, wallMs());
    return answerList(asked, c.req.header('if-none-match'), {
      columns: [
        'from_time',
        'to_time',
        'shard',
        'reason',
        'dropped_records',
        'backfill_state',
        'backfill_source',
        'backfill_note',
      ],
      rows: await store.gaps(feed, range),
      keyOf: (row) => ({ timeMs: row.from_time, key: keyOfGap(row) }),
      about: { feed },
      isClosed,
    });
  });
};
