/**
 * Question: what does a write cost Cassandra, by its shape and by how many threads the node has?
 *
 * Cassandra alone, with empty data in `.kandle/lab`, one node after the other. Each shape is written by so many
 * writers at once, each into partitions of its own, one statement after the other, as a shard's windows are.
 * First all of them in turns and unmeasured, until the JVM has compiled them, then each measured. CPU is the
 * whole node's, from /proc.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { CassandraEnv, createCassandra } from '@kandle/runtime/cassandra';
import { CONDITIONAL, SERIAL_READ } from '@kandle/runtime/conditional';
import { startCassandra } from '@kandle/servers/cassandra/cassandra-server';
import { fetchJars } from '@kandle/servers/jars/jars';
import { choosePorts } from '@kandle/servers/ports/ports';
import { claimFolder } from '@kandle/servers/process/run-record';
import { defineCommand, option, text, wholeNumber } from '@kandle/tooling/command';
import { JARS_FOLDER, REPO_ROOT } from '@kandle/tooling/paths';
import { type BenchRun, runBench } from './command.ts';
import { createUsage } from './process-usage.ts';
import { quantile } from './statistics.ts';

const COMMAND = defineCommand({
  name: 'npm run bench:lab',
  about: `Measures what writes cost a Cassandra of its own: lightweight transactions of many rows, of one row with a value,
of two rows; plain batches; serial reads. Prints one table. Nothing else should run meanwhile.`,
  options: {
    rows: option('LIST', 'rows of a batch', text, '1,8,42'),
    columns: option('N', 'columns of such a row', wholeNumber(1, 50), '14'),
    values: option('LIST', 'bytes of the one value of a row', text, '700,2000,10000,40000,100000'),
    requests: option('N', 'measured requests of each shape', wholeNumber(10, 1_000_000), '2000'),
    warm: option('N', 'requests of each before that', wholeNumber(0, 1_000_000), '2000'),
    writers: option('N', 'how many write at once', wholeNumber(1, 1_000), '12'),
    threads: option('LIST', 'request threads of the node, one node for each', text, '8'),
    sync: option('MODE', 'commitlog_sync: batch, or group and its window, such as group:2ms', text, 'batch'),
  },
});

type Client = ReturnType<typeof createCassandra>;

const KEYSPACE = 'lab';
/** Writes of one window before its writer goes on to the next, about as many as a busy window gets. */
const WRITES_OF_A_WINDOW = 10;
/** So often every shape has its turn before anything is measured. */
const WARM_ROUNDS = 3;

/** A kind of request: what it is called, and how the n-th of a writer is sent. */
interface Shape {
  readonly name: string;
  readonly send: (writer: string, n: number) => Promise<unknown>;
}

await runBench(COMMAND, lab);

async function lab({ options, say, signal }: BenchRun<typeof COMMAND.options>): Promise<boolean> {
  const lines: string[] = [];
  for (const threads of numbers(options.threads)) {
    const dataDir = join(REPO_ROOT, '.kandle', 'lab');
    const claim = await claimFolder(dataDir, say);
    rmSync(join(dataDir, 'cassandra'), { recursive: true, force: true });
    mkdirSync(dataDir, { recursive: true });
    const ports = await choosePorts({}, { random: true });
    const jars = await fetchJars({ cacheDir: JARS_FOLDER, onProgress: say, signal });
    const server = await startCassandra({
      libDir: jars.cassandra,
      dataDir: join(dataDir, 'cassandra'),
      ports,
      onProgress: say,
      signal,
      claim,
      wholeHeap: true,
      yaml: { native_transport_max_threads: threads, ...syncOf(options.sync) },
    });
    const settings = CassandraEnv.parse({ CASSANDRA_PORT: String(ports.cassandra) });
    const client = createCassandra(settings, { useKeyspace: false });
    try {
      await createTables(client, options.columns);
      const shapes = shapesOf(client, options);
      for (let round = 0; round < WARM_ROUNDS; round++) {
        say(`  warming up, ${round + 1} of ${WARM_ROUNDS} …`);
        const count = Math.ceil(options.warm / options.writers / WARM_ROUNDS);
        for (const shape of shapes) await run(shape, options.writers, count, `warm${round}.`, signal);
      }
      for (const shape of shapes) {
        const usage = createUsage();
        const cpu = (): number =>
          usage.sample(new Map([['cassandra', [server.pid]]])).get('cassandra')?.cpuSeconds ?? Number.NaN;
        const [beforeS, startedMs] = [cpu(), performance.now()];
        const count = Math.ceil(options.requests / options.writers);
        const tookMs = await run(shape, options.writers, count, 'measured', signal);
        const requests = tookMs.length;
        const line = [
          String(threads),
          shape.name,
          (((cpu() - beforeS) * 1_000) / requests).toFixed(2),
          quantile(tookMs, 0.5).toFixed(1),
          quantile(tookMs, 0.99).toFixed(1),
          (requests / ((performance.now() - startedMs) / 1_000)).toFixed(0),
        ];
        say(line.join(' | '));
        lines.push(`| ${line.join(' | ')} |`);
      }
    } finally {
      await client.shutdown();
      await server.kill();
      claim.release();
    }
  }
  console.log(
    [
      '| threads | request | CPU ms of the node | p50 ms | p99 ms | a second |',
      '|---|---|---|---|---|---|',
      ...lines,
    ].join('\n'),
  );
  return true;
}

function numbers(list: string): readonly number[] {
  return list.split(',').map(Number);
}

function syncOf(mode: string): Readonly<Record<string, unknown>> {
  const [kind, window] = mode.split(':');
  return kind === 'group'
    ? { commitlog_sync: 'group', commitlog_sync_group_window: window }
    : { commitlog_sync: kind };
}

async function createTables(client: Client, columns: number): Promise<void> {
  const cells = Array.from({ length: columns }, (_, n) => `c${n} varint`).join(', ');
  for (const statement of [
    `CREATE KEYSPACE ${KEYSPACE} WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`,
    `CREATE TABLE ${KEYSPACE}.rows (part text, win int, symbol text, version int static, applied text static, ${cells}, PRIMARY KEY ((part, win), symbol))`,
    `CREATE TABLE ${KEYSPACE}.one (part text, win int, version int, applied text, value text, PRIMARY KEY ((part, win)))`,
    `CREATE TABLE ${KEYSPACE}.two (part text, win int, version int, applied text, value text, PRIMARY KEY (part, win))`,
  ])
    await client.execute(statement, [], { prepare: false });
}

function shapesOf(client: Client, options: BenchRun<typeof COMMAND.options>['options']): readonly Shape[] {
  const names = Array.from({ length: options.columns }, (_, n) => `c${n} = ?`).join(', ');
  const writeRow = `UPDATE ${KEYSPACE}.rows SET ${names} WHERE part = ? AND win = ? AND symbol = ?`;
  const rowsOf = (part: string, win: number, n: number, count: number) =>
    Array.from({ length: count }, (_, row) => ({
      query: writeRow,
      params: [
        ...Array.from(
          { length: options.columns },
          (__, column) => 6_183_763_000_000n + BigInt(n * column + row),
        ),
        part,
        win,
        `S${row}`,
      ],
    }));
  const place = (n: number) => ({
    win: Math.floor(n / WRITES_OF_A_WINDOW),
    expected: n % WRITES_OF_A_WINDOW || null,
    next: (n % WRITES_OF_A_WINDOW) + 1,
  });
  const valueOf = (n: number, bytes: number): string =>
    Array.from({ length: Math.ceil(bytes / 16) }, (_, k) =>
      String(6_183_763_000_000_000 + n * k).slice(0, 16),
    )
      .join('')
      .slice(0, bytes);
  const conditional = (table: string) =>
    `UPDATE ${KEYSPACE}.${table} SET version = ?, applied = ?, value = ? WHERE part = ? AND win = ? IF version = ?`;
  return [
    ...numbers(options.rows).map((count) => ({
      name: `LWT of ${count} rows × ${options.columns} columns`,
      send: async (writer: string, n: number) => {
        const { win, expected, next } = place(n);
        const query = `UPDATE ${KEYSPACE}.rows SET version = ?, applied = ? WHERE part = ? AND win = ? IF version = ?`;
        const header = { query, params: [next, '1764000000000:1-204', `${writer}-${count}`, win, expected] };
        await client.batch([header, ...rowsOf(`${writer}-${count}`, win, n, count)], CONDITIONAL);
      },
    })),
    ...numbers(options.values).map((bytes) => ({
      name: `LWT of one row with a value of ${bytes} bytes`,
      send: async (writer: string, n: number) => {
        const { win, expected, next } = place(n);
        const params = [next, '1764000000000:1-204', valueOf(n, bytes), `${writer}-${bytes}`, win, expected];
        await client.execute(conditional('one'), params, CONDITIONAL);
      },
    })),
    {
      name: 'LWT of two rows of a partition, 2,000 bytes each',
      send: async (writer, n) => {
        const { win, expected, next } = place(n);
        const statements = [win, win + 1_000_000].map((at) => ({
          query: conditional('two'),
          params: [next, '1764000000000:1-204', valueOf(n, 2_000), writer, at, expected],
        }));
        await client.batch(statements, CONDITIONAL);
      },
    },
    ...numbers(options.rows).map((count) => ({
      name: `plain batch of ${count} rows × ${options.columns} columns`,
      send: async (writer: string, n: number) => {
        const statements = rowsOf(`${writer}-plain-${count}`, place(n).win, n, count);
        await client.batch(statements, { prepare: true, logged: false, isIdempotent: true });
      },
    })),
    {
      name: 'serial read of a row of 2,000 bytes',
      send: async (writer, n) => {
        const query = `SELECT * FROM ${KEYSPACE}.one WHERE part = ? AND win = ?`;
        await client.execute(query, [`${writer}-2000`, place(n).win], SERIAL_READ);
      },
    },
  ];
}

/** Sends so many requests of every writer; how long each took, in milliseconds. */
async function run(
  { send }: Shape,
  writers: number,
  count: number,
  phase: string,
  signal: AbortSignal,
): Promise<readonly number[]> {
  const tookMs: number[] = [];
  await Promise.all(
    Array.from({ length: writers }, async (_, writer) => {
      for (let n = 0; n < count; n++) {
        signal.throwIfAborted();
        const startedMs = performance.now();
        await send(`${phase}${writer}`, n);
        tookMs.push(performance.now() - startedMs);
      }
    }),
  );
  return tookMs;
}
