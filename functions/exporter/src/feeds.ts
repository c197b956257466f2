import type { Client } from 'cassandra-driver';

/** Most feeds that are looked at. */
const MAX_FEEDS = 20;

/** The feeds that have a trade. `latest` has a partition for each. */
export async function readFeeds(client: Client): Promise<readonly string[]> {
  const { rows } = await client.execute(`SELECT DISTINCT feed FROM latest LIMIT ${MAX_FEEDS}`, [], {
    isIdempotent: true,
  });
  return rows.map((row) => String(row['feed'])).toSorted();
}
