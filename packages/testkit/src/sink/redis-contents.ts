import { createClient } from '@redis/client';
import type { RedisServer } from './redis-server.ts';
import { type SinkContents, type SinkRow, sortRows, versionName } from './sink-events.ts';

const TEXTS: ReadonlySet<string> = new Set(['symbol', 'id', 'conditions', 'state', 'reason']);
const FLAGS: ReadonlySet<string> = new Set(['complete', 'sampled']);

function rowOf({ order: _, shard: __, ...fields }: Readonly<Record<string, string>>): SinkRow {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, text]): [string, string | number | boolean][] => {
      if (TEXTS.has(name)) return [[name, text]];
      if (FLAGS.has(name)) return [[name, text === 'true']];
      return text === '' ? [] : [[name, Number(text)]];
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

/** Records of a stream that are asked for at once. */
const PAGE = 10_000;

async function readWith(client: ReturnType<typeof createClient>, feed: string): Promise<SinkContents> {
  async function streamOf(name: string): Promise<readonly SinkRow[]> {
    const rows: SinkRow[] = [];
    for (let from = '-'; ; ) {
      const page = (await client.xRange(`kandle:{${feed}}:stream:${name}`, from, '+', { COUNT: PAGE })) ?? [];
      for (const { message } of page) rows.push(rowOf({ ...message }));
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE) return rows;
      from = `(${last.id}`;
    }
  }
  /** The newest version of each. */
  function newestOf(rows: readonly SinkRow[]): readonly SinkRow[] {
    const newest = new Map<string, SinkRow>();
    for (const row of rows) {
      const key = `${row['symbol']}|${row['start']}`;
      if (Number(row['version']) > Number(newest.get(key)?.['version'] ?? 0)) newest.set(key, row);
    }
    return sortRows([...newest.values()]);
  }
  const values = await Promise.all(
    ['price', 'candle', 'indicators'].map(async (kind) => {
      const keys = await client.keys(`kandle:{${feed}}:${kind}:*`);
      const hashes = await Promise.all(keys.map(async (key) => await client.hGetAll(key)));
      return hashes.map((fields) => ({ kind, ...rowOf({ ...fields }) }));
    }),
  );
  const candles = await streamOf('candles');
  const indicators = await streamOf('indicators');
  return {
    trades: sortRows(await streamOf('trades')),
    candles: newestOf(candles),
    indicators: newestOf(indicators),
    versions: [
      ...candles.map((row) => versionName('candles', row)),
      ...indicators.map((row) => versionName('indicators', row)),
    ].toSorted(),
    newest: sortRows(values.flat()),
  };
}
