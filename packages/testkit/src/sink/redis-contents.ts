import { createClient } from '@redis/client';
import type { RedisServer } from './redis-server.ts';
import { type SinkContents, type SinkRow, sortRows } from './sink-events.ts';

const TEXTS: ReadonlySet<string> = new Set(['symbol', 'id', 'conditions', 'state', 'reason']);
const FLAGS: ReadonlySet<string> = new Set(['complete', 'sampled']);

function rowOf({ order: _, shard: __, ...fields }: Readonly<Record<string, string>>): SinkRow {
  return Object.fromEntries(
    Object.entries(fields).map(([name, text]) => {
      if (TEXTS.has(name)) return [name, text];
      if (FLAGS.has(name)) return [name, text === 'true'];
      return [name, text === '' ? null : Number(text)];
    }),
  );
}

/** What Redis keeps of a feed, as readers find it. */
export async function readRedis({ url }: RedisServer, feed: string): Promise<SinkContents> {
  const client: ReturnType<typeof createClient> = createClient({ url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await readWith(client, feed);
  } finally {
    client.destroy();
  }
}

async function readWith(client: ReturnType<typeof createClient>, feed: string): Promise<SinkContents> {
  const streamOf = async (name: string, absent: SinkRow = {}): Promise<readonly SinkRow[]> =>
    ((await client.xRange(`kandle:{${feed}}:stream:${name}`, '-', '+')) ?? []).map(({ message }) => ({
      ...absent,
      ...rowOf({ ...message }),
    }));
  /** The newest version of each. */
  const versions = (rows: readonly SinkRow[]): readonly SinkRow[] => {
    const newest = new Map<string, SinkRow>();
    for (const row of rows) {
      const key = `${row['symbol']}|${row['start']}`;
      if (Number(row['version']) > Number(newest.get(key)?.['version'] ?? 0)) newest.set(key, row);
    }
    return sortRows([...newest.values()]);
  };
  const values = await Promise.all(
    ['price', 'candle', 'indicators'].map(async (kind) => {
      const keys = await client.keys(`kandle:{${feed}}:${kind}:*`);
      const hashes = await Promise.all(keys.map(async (key) => await client.hGetAll(key)));
      const absent = kind === 'indicators' ? { rsi14: null } : {};
      return hashes.map((fields) => ({ kind, ...absent, ...rowOf({ ...fields }) }));
    }),
  );
  return {
    trades: sortRows(await streamOf('trades')),
    candles: versions(await streamOf('candles')),
    indicators: versions(await streamOf('indicators', { rsi14: null })),
    newest: sortRows(values.flat()),
  };
}
