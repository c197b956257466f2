import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startFeedServer, takeRequest } from '@kandle/feeds/finnhub/feed-server';
import { readPlan } from '@kandle/knative/read-plan';
import { createCassandra } from '@kandle/runtime/cassandra';
import { startPipeline } from '@kandle/stand-in/pipeline';
import { expect, onTestFinished, test } from 'vitest';
import { connectBroker } from '../src/kafka-connection.ts';
import type { SecuredServers } from './secured-servers.ts';

/** What is played: each second a trade of both symbols, within ten windows. */
const SYMBOLS = ['BINANCE:BTCUSDT', 'BINANCE:ETHUSDT'];
const START_MS = 1_764_167_400_000;
const SECONDS = 50;
const WINDOW_SECONDS = 5;
const priceAt = (second: number): number => 100 + ((second * 7) % 11) / 4;

/** Finds something in every window of a symbol but the first few. */
const RULES = { rules: [{ name: 'jumps', kind: 'price-jump', ranges: 0.001, coolDownMs: 0 }] };

/** The functions, run as processes, each with its own login and nothing more. */
export function testReplay(secured: () => SecuredServers): void {
  test('a replay ends in the right candles and every signal is told, while every password and key changes in the middle and no process ends', {
    timeout: 300_000,
  }, async () => {
    const servers = secured();
    const folder = mkdtempSync(join(tmpdir(), 'kandle-replay-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const logFolder = join(folder, 'logs');
    mkdirSync(logFolder);
    const keyFile = join(folder, 'webhook-key');
    writeFileSync(keyFile, 'first');
    const webhook = await startWebhook();
    const target = { name: 'desk', kind: 'json', url: webhook.url, headers: { 'x-key': { file: keyFile } } };
    writeFileSync(
      join(folder, 'targets.json'),
      JSON.stringify({
        allowInside: ['127.0.0.1'],
        targets: [{ ...target, ratePerMinute: 6_000, burst: 100 }],
      }),
    );
    writeFileSync(join(folder, 'rules.json'), JSON.stringify(RULES));
    const feed = await startPlayer();
    const ended: string[] = [];
    const pipeline = await startPipeline({
      plan: await readPlan(),
      servers: servers.addresses,
      keyspace: servers.keyspace,
      logFolder,
      feed: {
        FEED_URL: feed.url,
        FINNHUB_TOKEN: 'replay',
        SYMBOLS: SYMBOLS.join(','),
        REPLAY_SPEED: 'max',
      },
      processEnv: (name) => {
        if (name === 'notify') return { TARGETS_FILE: join(folder, 'targets.json') };
        return name === 'signal' ? { RULES_FILE: join(folder, 'rules.json'), ATR_PERIOD: '2' } : {};
      },
      log: () => undefined,
      hooks: { onSpawn: () => undefined, onExit: (name) => ended.push(name) },
    });
    onTestFinished(() => pipeline.stop());
    const logs = (): string =>
      ['ingest', 'transform', 'aggregate', 'persist', 'signal', 'notify']
        .map((name) => `${name}: ${readFileSync(join(logFolder, `${name}.log`), 'utf8').slice(-1_500)}`)
        .join('\n');
    const until = (what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> =>
      expect
        .poll(async () => ((await isTrue()) ? '' : `${what} is not reached\n${logs()}`), {
          timeout: 120_000,
          interval: 100,
        })
        .toBe('');

    await feed.play(0, SECONDS / 2);
    await until('the middle', () => webhook.keys.length > 0);
    const oldKafka = { ...servers.kafka('transform'), KAFKA_SASL_PASSWORD_FILE: join(folder, 'old') };
    copyFileSync(servers.kafka('transform').KAFKA_SASL_PASSWORD_FILE ?? '', join(folder, 'old'));
    await connectBroker(oldKafka).then((connection) => connection.close());
    const oldCassandra = { ...servers.cassandra('persist'), CASSANDRA_PASSWORD_FILE: join(folder, 'older') };
    copyFileSync(servers.cassandra('persist').CASSANDRA_PASSWORD_FILE ?? '', join(folder, 'older'));
    await servers.changeEveryPassword();
    writeFileSync(keyFile, 'second');
    servers.cut();
    // The old ones are worth nothing now.
    await expect(connectBroker(oldKafka)).rejects.toThrow();
    const late = createCassandra(oldCassandra);
    await expect(late.connect()).rejects.toThrow();
    await late.shutdown();
    await feed.play(SECONDS / 2, SECONDS);
    feed.end();
    await until('the end', async () => {
      const status = await pipeline.ingestStatus();
      return status?.drained === true && (await pipeline.isAtRest());
    });

    expect(await candlesOf(servers)).toEqual(wantedCandles());
    // Each signal once, with the key that stood in the file at that moment.
    expect(webhook.keys.toSorted()).toEqual([...new Set(webhook.keys)].toSorted());
    expect(new Set(webhook.secrets)).toEqual(new Set(['first', 'second']));
    expect(ended).toEqual([]);
    expect(pipeline.sources.map(({ stats }) => stats.deadLettered + stats.dropped)).toEqual(
      pipeline.sources.map(() => 0),
    );
  });
}

type Socket = Parameters<Parameters<typeof startFeedServer>[1]>[0];

/** Plays Finnhub's frames when it is told to, as a recording at full speed. */
async function startPlayer() {
  const { promise: asked, resolve: onAsked } = Promise.withResolvers<Socket>();
  const subscribed = new Set<string>();
  const feed = await startFeedServer(0, (socket) => {
    socket.on('message', (data: Buffer) => {
      if (takeRequest(socket, subscribed, data.toString()) && subscribed.size === SYMBOLS.length)
        onAsked(socket);
    });
  });
  onTestFinished(() => feed.close());
  return {
    url: feed.url,
    async play(from: number, to: number): Promise<void> {
      const socket = await asked;
      for (let second = from; second < to; second++) {
        const timeMs = START_MS + second * 1_000;
        const passed = second === 0 ? {} : { passed_ms: 1_000 };
        socket.send(JSON.stringify({ type: 'ping', ...passed, recv_ms: timeMs }));
        const data = SYMBOLS.map((s) => ({ s, p: priceAt(second), t: timeMs, v: 2, c: null }));
        socket.send(JSON.stringify({ type: 'trade', data }));
      }
    },
    end: () => void asked.then((socket) => socket.close(1000, 'end of recording')),
  };
}

/** Computed in the plainest way. */
function wantedCandles(): readonly string[] {
  return SYMBOLS.flatMap((symbol) =>
    Array.from({ length: SECONDS / WINDOW_SECONDS }, (_, window) => {
      const first = window * WINDOW_SECONDS;
      const prices = Array.from({ length: WINDOW_SECONDS }, (__, second) => priceAt(first + second));
      return [
        symbol,
        START_MS + first * 1_000,
        prices.at(0),
        Math.max(...prices),
        Math.min(...prices),
        prices.at(-1),
        2 * WINDOW_SECONDS,
        WINDOW_SECONDS,
        'final',
      ].join(' ');
    }),
  ).toSorted();
}

async function candlesOf({ cassandraAdmin, keyspace }: SecuredServers): Promise<readonly string[]> {
  const { rows } = await cassandraAdmin.execute(
    `SELECT symbol, start, open, high, low, close, volume, trade_count, state FROM ${keyspace}.candles_5s`,
    [],
    { prepare: true },
  );
  return rows
    .map((row) => row.values().map((value: unknown) => (value instanceof Date ? value.getTime() : value)))
    .map((values) => values.join(' '))
    .toSorted();
}

/** A webhook that takes everything, and notes what it was shown. */
async function startWebhook() {
  const keys: string[] = [];
  const secrets: string[] = [];
  const server = createServer((request, response) => {
    keys.push(String(request.headers['idempotency-key']));
    secrets.push(String(request.headers['x-key']));
    request.resume().on('end', () => response.writeHead(204).end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return { keys, secrets, url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/hook` };
}
