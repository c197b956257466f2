import { readdirSync, readFileSync } from 'node:fs';
import type { Pipeline } from '@kandle/stand-in/pipeline';

const TICKS_PER_SECOND = 100;
const THREADS_SHOWN = 8;

/**
 * CPU-seconds of a process's threads that are alive now, by the kind of work that their name tells; Linux only.
 */
function readThreads(pid: number): ReadonlyMap<string, number> {
  const seconds = new Map<string, number>();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const stat = readThreadStat(`/proc/${pid}/task/${thread}/stat`);
    if (stat === null) continue;
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // `ReadStage-12` is one of the readers; Linux keeps 15 characters of a name.
    const kind = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')')).replace(/[\s:#-]*\d*$/, '');
    const used = (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
    seconds.set(kind, (seconds.get(kind) ?? 0) + used);
  }
  return seconds;
}

function readThreadStat(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // It has just ended.
    return null;
  }
}

/** What was asked of a table. */
interface TableUse {
  /** Mutations that were applied, of however many rows: an unlogged batch of one partition is one. */
  readonly writes: number;
  /** Reads of one partition, or of a range of them. */
  readonly reads: number;
}

/** Cassandra's own, that conditional writes are decided in. */
const PAXOS = 'system.paxos';

/** What was asked of a keyspace's tables since the server's start, and of the one behind conditional writes. */
async function readTables(
  client: Pipeline['client'],
  keyspace: string,
): Promise<ReadonlyMap<string, TableUse>> {
  const uses = new Map<string, TableUse>();
  const add = async (view: string, field: keyof TableUse): Promise<void> => {
    const query = `SELECT keyspace_name, table_name, count FROM system_views.${view}`;
    for (const row of (await client.execute(query, [], { prepare: false, fetchSize: 10_000 })).rows) {
      const name = `${row['keyspace_name']}.${row['table_name']}`;
      if (row['keyspace_name'] !== keyspace && name !== PAXOS) continue;
      const table = name === PAXOS ? name : String(row['table_name']);
      uses.set(table, { ...(uses.get(table) ?? { writes: 0, reads: 0 }), [field]: Number(row['count']) });
    }
  };
  await add('local_write_latency', 'writes');
  await add('local_read_latency', 'reads');
  return uses;
}

/** What Cassandra did: CPU-seconds of the threads that lived to the end, and what was asked of each table. */
export interface ServerUse {
  readonly threads: Readonly<Record<string, number>>;
  readonly tables: Readonly<Record<string, TableUse>>;
}

/** Looks at Cassandra; what is given back tells what it has done since. */
export async function watchServerUse(
  client: Pipeline['client'],
  keyspace: string,
  pid: number,
): Promise<() => Promise<ServerUse>> {
  const tables = await readTables(client, keyspace);
  const threads = readThreads(pid);
  return async () => {
    const used = [...readThreads(pid)].map(([kind, seconds]) => [kind, seconds - (threads.get(kind) ?? 0)]);
    const asked = [...(await readTables(client, keyspace))].map(([name, { writes, reads }]) => {
      const before = tables.get(name);
      return [name, { writes: writes - (before?.writes ?? 0), reads: reads - (before?.reads ?? 0) }];
    });
    return { threads: Object.fromEntries(used), tables: Object.fromEntries(asked) };
  };
}

/** The threads that used most, and every table that was asked something; all per million trades. */
export function serverUseLines({ threads, tables }: ServerUse, trades: number): readonly string[] {
  const most = Object.entries(threads)
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, THREADS_SHOWN)
    .map(([kind, seconds]) => `${kind} ${((seconds * 1e6) / trades).toFixed(1)}`);
  const perMillion = (count: number): string => Math.round((count * 1e6) / trades).toLocaleString('en');
  return [
    `Cassandra's threads, CPU-s/M trades: ${most.join(', ')}`,
    '',
    'table                  writes/M trades   reads/M trades',
    ...Object.entries(tables)
      .filter(([, { writes, reads }]) => writes + reads > 0)
      .map(
        ([table, { writes, reads }]) =>
          `${table.padEnd(22)} ${perMillion(writes).padStart(15)} ${perMillion(reads).padStart(16)}`,
      ),
  ];
}
