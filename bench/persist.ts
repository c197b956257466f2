/**
 * Question: what does the persist function cost per million trades, and how many does it store a second?
 *
 * Starts the function as in production, posts the same clean batches to it over HTTP as KafkaSource does (one
 * request in flight per partition), and reads from /proc what its process used. It needs a running Cassandra,
 * and writes into a keyspace of its own, which it drops:
 * `CASSANDRA_CONTACT_POINTS=127.0.0.1 CASSANDRA_PORT=9042 npx node bench/persist.ts`. With `CASSANDRA_PID` it
 * prints what the server's process used, too. `CANDLE_SYMBOLS` says over how many symbols the candles are
 * spread; they are sent a minute of market time at a go, and their rollups waited for, so that their rate says
 * nothing and their CPU time all.
 */
import { e8, notionalOf } from '@kandle/market/number/fixed-point';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { type PublishedCandle, formatCandleBatch } from '@kandle/market/candle/candle-batch';
import type { MarketEvent } from '@kandle/market/event/market-event';
import { formatRawTrades } from '@kandle/testkit/raw-trades';
import { CassandraEnv, createCassandra } from '@kandle/runtime/cassandra';
import { readEnv } from '@kandle/runtime/config';
import { laptopSchemaValues, migrate } from '@kandle/runtime/migrate';

const KEYSPACE = 'bench_persist';
const TRADES = Number(process.env['TRADES'] ?? 400_000);
const SHARDS = Number(process.env['SHARDS'] ?? 4);
const SYMBOLS = Number(process.env['SYMBOLS'] ?? 100);
const CANDLES = Number(process.env['CANDLES'] ?? 50_000);
const CANDLE_SYMBOLS = Number(process.env['CANDLE_SYMBOLS'] ?? 250);
const ROUNDS = Number(process.env['ROUNDS'] ?? 3);
const IN_FLIGHT = 12;
const BATCH_TRADES = 400;
const PORT = 18_085;
const START_MS = Date.UTC(2026, 10, 2, 9);
const E8 = 100_000_000n;

/** Batches of 400 trades a shard, 2,000 trades in a second of event time. */
function* tradeEvents(): Generator<MarketEvent> {
  const symbolsPerShard = Math.ceil(SYMBOLS / SHARDS);
  for (let first = 0; first < TRADES; first += BATCH_TRADES) {
    const batch = first / BATCH_TRADES;
    const shard = batch % SHARDS;
    const trades = Array.from({ length: BATCH_TRADES }, (_, index) => {
      const place = first + index;
      const eventTimeMs = START_MS + Math.floor(place / 2);
      return {
        id: `${eventTimeMs.toString(36)}.${String((place * 7_919) % 99_991).padStart(14, 'k3z')}.1`,
        symbol: `BINANCE:S${shard}-${(place * 31) % symbolsPerShard}`,
        eventTimeMs,
        priceE8: e8((60_000n + BigInt(place % 997)) * E8 + BigInt(place % 89) * 1_000_000n),
        sizeE8: e8(BigInt(1 + (place % 613)) * 10_000n),
      };
    });
    yield formatRawTrades({
      shard: `bench-${String(shard).padStart(2, '0')}`,
      epoch: START_MS,
      sequence: 1 + Math.floor(batch / SHARDS),
      watermarkMs: START_MS,
      ingestTimeMs: START_MS,
      trades,
    });
  }
}

/**
 * Windows one after the other, of so many symbols each, in events of up to 250 as aggregate sends them; final
 * ones, so that every candle is a row in two views, and a part of four rollups.
 */
function* candleEvents(): Generator<MarketEvent> {
  for (let window = 0; window * CANDLE_SYMBOLS < CANDLES; window++) {
    for (let shard = 0; shard < Math.min(SHARDS, CANDLE_SYMBOLS); shard++) {
      const candles = Array.from({ length: CANDLE_SYMBOLS }, (_, index) => index)
        .filter((index) => index % SHARDS === shard)
        .map((index) => finalCandle(index));
      yield* formatCandleBatch({
        shard: `bench-${String(shard).padStart(2, '0')}`,
        windowStartMs: START_MS + window * 5_000,
        windowMs: 5_000,
        kind: 'final',
        version: 7,
        candles,
      });
    }
  }
}

function finalCandle(index: number): PublishedCandle {
  const priceE8 = e8((100n + BigInt(index)) * E8);
  return {
    symbol: `S${index}`,
    version: 7,
    state: 'final',
    revision: 0,
    reason: null,
    complete: true,
    lastTradeMs: START_MS,
    openE8: priceE8,
    highE8: e8(priceE8 + E8),
    lowE8: priceE8,
    closeE8: e8(priceE8 + 1_000_000n),
    volumeE8: e8(3n * E8),
    notionalE16: notionalOf(e8(3n * E8), priceE8),
    priceSumE8: e8(3n * priceE8),
    tradeCount: 3,
  };
}

/** A minute's candles at a time, as they come in life: so each is rolled up by itself, and not many at once. */
function byMinute(events: readonly MarketEvent[]): readonly (readonly MarketEvent[])[] {
  const minuteOf = ({ id }: MarketEvent): number => Math.floor(Number(id.split(':')[1]) / 60_000);
  return [...Map.groupBy(events, minuteOf).values()];
}

async function isRolledUp(): Promise<boolean> {
  const { rowLength } = await client.execute(`SELECT event FROM ${KEYSPACE}.rollup_pending LIMIT 1`);
  return rowLength === 0;
}

const agent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT });

async function post(event: MarketEvent, body: Buffer): Promise<void> {
  const headers: Record<string, string | number> = {
    'ce-specversion': '1.0',
    'ce-id': event.id,
    'ce-source': event.source,
    'ce-type': event.type,
    'content-type': 'application/json',
    'content-length': body.length,
  };
  for (const [name, value] of Object.entries(event.extensions)) headers[`ce-${name}`] = value;
  const sent = request({ host: '127.0.0.1', port: PORT, method: 'POST', path: '/', headers, agent });
  sent.end(body);
  const [response] = await once(sent, 'response');
  response.resume();
  if (response.statusCode !== 204) throw new Error(`Cannot store ${event.id}: ${response.statusCode}`);
}

function cpuSecondsOf(pid: number | string | undefined): number {
  if (pid === undefined) return Number.NaN;
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function residentMb(pid: number | undefined): number {
  const match = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(match?.[1]) / 1024;
}

async function measure(
  what: string,
  rows: number,
  groups: readonly (readonly MarketEvent[])[],
  child: ChildProcess,
): Promise<void> {
  const work = groups.map((events) =>
    events.map((event) => ({ event, body: Buffer.from(JSON.stringify(event.data)) })),
  );
  const server = cpuSecondsOf(process.env['CASSANDRA_PID']);
  const cpu = cpuSecondsOf(child.pid);
  const begun = performance.now();
  for (const group of work) {
    const events = group.values();
    await Promise.all(
      Array.from({ length: IN_FLIGHT }, async () => {
        for (const { event, body } of events) await post(event, body);
      }),
    );
    while (!(await isRolledUp())) await sleep(50);
  }
  const perSecond = rows / ((performance.now() - begun) / 1000);
  const million = 1e6 / rows;
  console.log(
    `${what}: ${Math.round(perSecond)}/s; CPU-s a million: function ${((cpuSecondsOf(child.pid) - cpu) * million).toFixed(1)}, ` +
      `Cassandra ${((cpuSecondsOf(process.env['CASSANDRA_PID']) - server) * million).toFixed(1)}; ` +
      `resident ${Math.round(residentMb(child.pid))} MB`,
  );
}

const settings = readEnv(CassandraEnv, process.env);
const client = createCassandra(settings, { useKeyspace: false });
await client.execute(`DROP KEYSPACE IF EXISTS ${KEYSPACE}`, [], { prepare: false });
await migrate(client, 'cql', laptopSchemaValues(KEYSPACE));
const child = spawn(
  process.execPath,
  [...(process.env['NODE_FLAGS']?.split(' ') ?? []), 'functions/persist/src/index.ts'],
  {
    env: {
      ROLLUP_IDLE_MS: '1000',
      ...process.env,
      PORT: String(PORT),
      CASSANDRA_KEYSPACE: KEYSPACE,
      LOOPBACK_ONLY: 'true',
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  },
);
for await (const line of child.stderr ?? []) {
  if (String(line).includes('"ready"')) break;
  process.stderr.write(String(line));
}
try {
  const trades = [[...tradeEvents()]];
  const candles = byMinute([...candleEvents()]);
  for (let round = 0; round < ROUNDS; round++) {
    await measure('trades', TRADES, trades, child);
    await measure('final candles', CANDLES, candles, child);
  }
} finally {
  child.kill('SIGTERM');
  await once(child, 'exit');
  agent.destroy();
  await client.execute(`DROP KEYSPACE ${KEYSPACE}`, [], { prepare: false });
  await client.shutdown();
}
