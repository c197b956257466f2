import type { Client } from 'cassandra-driver';
import type { Collector, Sample } from './collector.ts';

/** Most lists that are read. */
const MAX_LISTS = 200;
const LISTS = `SELECT feed, list, taken_at, refusal, active FROM instrument_lists LIMIT ${MAX_LISTS}`;

/** How old the copy of each vendor's list is, and whether a newer one was refused. */
export function createInstrumentsCollector(client: Client): Collector {
  const labels = ['feed', 'list'] as const;
  return {
    name: 'instruments',
    server: 'cassandra',
    gauges: {
      kandle_instruments_taken_timestamp_seconds: {
        help: 'When a list was last taken from its vendor',
        labels,
      },
      kandle_instruments_refused: {
        help: '1 if the newest refresh of a list was refused: it shrank, or its vendor gave none',
        labels,
      },
      kandle_instruments_active: { help: 'Active instruments of a list', labels },
    },
    async collect() {
      const { rows } = await client.execute(LISTS, [], { isIdempotent: true });
      return rows.flatMap((row): readonly Sample[] => {
        const of = { feed: String(row['feed']), list: String(row['list']) };
        const takenAt: unknown = row['taken_at'];
        const refused = {
          gauge: 'kandle_instruments_refused',
          labels: of,
          value: row['refusal'] === '' ? 0 : 1,
        };
        const active = { gauge: 'kandle_instruments_active', labels: of, value: Number(row['active']) };
        // One that was never taken has no age.
        if (!(takenAt instanceof Date)) return [refused, active];
        const value = takenAt.getTime() / 1_000;
        return [{ gauge: 'kandle_instruments_taken_timestamp_seconds', labels: of, value }, refused, active];
      });
    },
  };
}
