import type { Client, types } from 'cassandra-driver';
import type { Stack } from './stack.ts';
import { TARGET } from './webhook.ts';

const PAGE_ROWS = 5_000;
/** States in which nothing is left to do about a signal. */
const DONE: ReadonlySet<string> = new Set(['sent', 'skipped']);

/**
 * Compares the signals in the views with the record of what was announced, and that with what the target got:
 * every signal is finished, no version of it was announced under two keys, and nothing stands as sent that
 * nobody got.
 */
export async function compareNotices({ pipeline, options, webhook }: Stack): Promise<readonly string[]> {
  const { client } = pipeline;
  const signals = await readAll(
    client,
    `SELECT feed, symbol, rule, start, version, state FROM ${options.keyspace}.signals`,
  );
  const notices = await readAll(
    client,
    `SELECT feed, signal_id, target, version, status FROM ${options.keyspace}.notifications`,
  );
  const byId = Map.groupBy(
    notices.filter((row) => row['target'] === TARGET),
    (row) => `${row['feed']}:${row['signal_id']}`,
  );
  const differences: string[] = [];
  for (const signal of signals) {
    const id = `${signal['feed']}:${signal['rule']}:${signal['symbol']}:${signal['start'].getTime()}`;
    const newest = byId.get(id)?.toSorted((a, b) => b['version'] - a['version'])[0];
    if (newest === undefined) differences.push(`nobody decided on the ${signal['state']} signal ${id}`);
    else if (!DONE.has(String(newest['status'])))
      differences.push(`the notice of ${id} is ${newest['status']}`);
  }
  const got = new Set([...webhook.keys().keys()].map((key) => decodeURIComponent(key)));
  for (const [id, versions] of byId) {
    for (const { version, status } of versions) {
      if (status === 'sent' && !got.has(`${id}:${version}:${TARGET}`))
        differences.push(`${id} version ${version} stands as sent, and the target never got it`);
    }
  }
  return differences;
}

/** Every page: an answer alone holds the first one. */
async function readAll(client: Client, query: string): Promise<readonly types.Row[]> {
  const rows: types.Row[] = [];
  for await (const row of await client.execute(query, [], { prepare: true, fetchSize: PAGE_ROWS }))
    rows.push(row);
  return rows;
}
