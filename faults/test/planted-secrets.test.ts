import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startFeedServer } from '@kandle/feeds/finnhub/feed-server';
import type { MarketEvent } from '@kandle/market/event/market-event';
import { startCassandra } from '@kandle/servers/cassandra/cassandra-server';
import { fetchJars } from '@kandle/servers/jars/jars';
import { createTopics } from '@kandle/servers/kafka/create-topics';
import { startKafka } from '@kandle/servers/kafka/kafka-server';
import { choosePorts, freePort } from '@kandle/servers/ports/ports';
import { FIRST_EVENTS } from '@kandle/testkit/first-events';
import { useTestKeyspace } from '@kandle/testkit/test-keyspace';
import { JARS_FOLDER, REPO_ROOT } from '@kandle/tooling/paths';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';

/**
 * Every secret of an installation, planted as something that occurs nowhere else, and looked for wherever the
 * processes write, answer or are seen. Things go wrong meanwhile, so that errors are told: Kafka and Cassandra
 * refuse the passwords, the feed the key, webhooks are away or repeat what they were sent, a sender's token has
 * expired.
 */
const plant = (what: string): string => `planted-${what}-${randomBytes(9).toString('hex')}`;
const SECRETS = {
  feedKey: plant('feed-key'),
  kafkaPassword: plant('kafka-password'),
  cassandraPassword: plant('cassandra-password'),
  hookPath: plant('hook-path'),
  hookHeader: plant('hook-header'),
  senderToken: plant('sender-token'),
  keysToken: plant('keys-token'),
};
type Secret = keyof typeof SECRETS;

const folder = mkdtempSync(join(tmpdir(), 'kandle-planted-'));
const { env: keyspaceEnv, client } = useTestKeyspace('planted');
const ends: (() => unknown)[] = [];
/** Everything that was written, answered or is to be seen, by the place where. */
const seen = new Map<string, string>();
const note = (place: string, text: string): void => void seen.set(place, `${seen.get(place) ?? ''}${text}\n`);

/** A file as a mounted Secret has it. */
function fileOf(secret: Secret): string {
  const file = join(folder, secret);
  writeFileSync(file, `${SECRETS[secret]}\n`, { mode: 0o600 });
  return file;
}

interface Program {
  readonly port: number;
  readonly says: (text: RegExp) => Promise<void>;
  readonly ended: Promise<unknown>;
}

/** Starts a program from its sources; what it says, its arguments and its environment are looked through. */
async function start(name: string, path: string, env: Readonly<Record<string, string>>): Promise<Program> {
  const port = await freePort();
  const child = spawn(process.execPath, [join(REPO_ROOT, path)], {
    env: {
      PATH: process.env['PATH'],
      PORT: String(port),
      HTTP_PORT: String(port),
      LOG_LEVEL: 'debug',
      LOOPBACK_ONLY: 'true',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  ends.push(() => child.kill('SIGKILL'));
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => note(`${name}: log`, text));
  for (const file of ['cmdline', 'environ'])
    note(`${name}: ${file}`, readFileSync(`/proc/${child.pid}/${file}`, 'utf8'));
  return {
    port,
    ended: once(child, 'exit'),
    says: (text) =>
      expect.poll(() => seen.get(`${name}: log`) ?? '', { timeout: 30_000, interval: 50 }).toMatch(text),
  };
}

/** Sends a request; the answer is looked through. @returns Its status; 0 if nobody listened. */
function ask(
  name: string,
  { port }: Program,
  path: string,
  event?: MarketEvent,
  token?: string,
): Promise<number> {
  const attributes = Object.entries(event?.extensions ?? {}).map(([key, value]) => [`ce-${key}`, value]);
  const headers = {
    ...(event !== undefined && {
      'ce-specversion': '1.0',
      'ce-id': event.id,
      'ce-source': event.source,
      'ce-type': event.type,
      'content-type': 'application/json',
      ...Object.fromEntries(attributes),
    }),
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  };
  return new Promise((resolve) => {
    const method = event === undefined ? 'GET' : 'POST';
    const outgoing = request({ host: '127.0.0.1', port, path, method, headers }, (response) => {
      let text = JSON.stringify(response.headers);
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('end', () => {
        note(`${name}: ${path}`, text);
        resolve(response.statusCode ?? 0);
      });
    });
    outgoing.on('error', () => resolve(0));
    outgoing.end(event === undefined ? undefined : JSON.stringify(event.data));
  });
}

/** A server that answers so, on a port of its own. */
async function serve(answer: Parameters<typeof createServer>[1]): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
}

/** A broker that asks for logins on a second port, and a node that asks for them on its only one. */
async function startLockedServers(): Promise<Readonly<Record<string, string>>> {
  const signal = new AbortController().signal;
  const onProgress = (): void => undefined;
  const jars = await fetchJars({ cacheDir: JARS_FOLDER, onProgress, signal });
  const ports = await choosePorts({}, { random: true });
  const login = await freePort();
  const listeners = (own: string): string => `BROKER://127.0.0.1:${ports.kafka},${own}`;
  const starts = [
    startKafka({
      libDir: jars.kafka,
      dataDir: join(folder, 'kafka'),
      ports,
      onProgress,
      signal,
      properties: {
        listeners: `${listeners(`LOGIN://127.0.0.1:${login}`)},CONTROLLER://127.0.0.1:${ports.kafkaController}`,
        'advertised.listeners': listeners(`LOGIN://127.0.0.1:${login}`),
        'listener.security.protocol.map': 'BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT,LOGIN:SASL_PLAINTEXT',
        'listener.name.login.sasl.enabled.mechanisms': 'PLAIN',
        'listener.name.login.plain.sasl.jaas.config':
          'org.apache.kafka.common.security.plain.PlainLoginModule required user_kandle="another";',
      },
    }),
    startCassandra({
      libDir: jars.cassandra,
      dataDir: join(folder, 'cassandra'),
      ports,
      onProgress,
      signal,
      heapMb: 512,
      yaml: { authenticator: 'PasswordAuthenticator', authorizer: 'CassandraAuthorizer' },
    }),
  ];
  for (const one of await Promise.all(starts)) ends.push(() => one.kill());
  return {
    KAFKA_BROKERS: `127.0.0.1:${login}`,
    KAFKA_SASL_MECHANISM: 'plain',
    KAFKA_SASL_USERNAME: 'kandle',
    KAFKA_SASL_PASSWORD_FILE: fileOf('kafkaPassword'),
    CASSANDRA_CONTACT_POINTS: '127.0.0.1',
    CASSANDRA_PORT: String(ports.cassandra),
    CASSANDRA_USERNAME: 'kandle',
    CASSANDRA_PASSWORD_FILE: fileOf('cassandraPassword'),
  };
}

const first = (name: string): MarketEvent => {
  const event = FIRST_EVENTS.get(name)?.(1);
  if (event === undefined) throw new Error(`There is no event for ${name}`);
  return event;
};

const admin = new Kafka({ brokers: inject('kafkaBrokers'), logLevel: logLevel.NOTHING }).admin();
let locked: Readonly<Record<string, string>>;
beforeAll(async () => {
  await admin.connect();
  ends.push(() => admin.disconnect());
  locked = await startLockedServers();
});
afterAll(async () => {
  for (const end of ends.toReversed()) await end();
  rmSync(folder, { recursive: true, force: true });
});

/** What each part has to be told wrong, and what it must have said of it: else nothing was provoked. */
const PROVOKED: Readonly<Record<string, () => Promise<void>>> = {
  async 'the feed refuses the key'() {
    const topic = plant('topic');
    await createTopics(admin, [{ topic, partitions: 1 }]);
    let isShut = true;
    const feed = await startFeedServer(
      0,
      (socket) => socket.close(1008, `no: ${SECRETS.feedKey}`),
      () => (isShut ? 401 : null),
    );
    ends.push(() => feed.close());
    const ingest = await start('ingest', 'functions/ingest/src/index.ts', {
      KAFKA_BROKERS: inject('kafkaBrokers').join(','),
      RAW_TOPIC: topic,
      REJECTS_TOPIC: topic,
      FEED_URL: feed.url,
      FINNHUB_TOKEN_FILE: fileOf('feedKey'),
      SYMBOLS: 'AAPL',
      RECONNECT_MIN_MS: '50',
      RECONNECT_MAX_MS: '100',
    });
    await ingest.says(/does not accept the key/);
    isShut = false;
    for (const path of ['/status', '/metrics', '/health/readiness']) await ask('ingest', ingest, path);
  },
  async 'Kafka and Cassandra refuse the passwords'() {
    const programs = await Promise.all(
      ['aggregate', 'persist', 'transform'].map(async (name) => {
        const program = await start(name, `functions/${name}/src/index.ts`, locked);
        await program.says(/"ready"/);
        expect(await ask(name, program, '/', first(name))).toBe(503);
        return program;
      }),
    );
    expect(programs).toHaveLength(3);
    const others: readonly (readonly [string, readonly string[]])[] = [
      ['query', ['/v1/symbols', '/v1/status', '/health/readiness']],
      ['exporter', ['/metrics', '/health/readiness']],
    ];
    await Promise.all(
      others.map(async ([name, paths]) => {
        const program = await start(name, `functions/${name}/src/index.ts`, locked);
        await expect
          .poll(() => ask(name, program, '/health/liveness'), { timeout: 20_000 })
          .toBeGreaterThan(0);
        for (const path of paths) await ask(name, program, path);
      }),
    );
  },
  async 'the jobs cannot log in'() {
    await Promise.all(
      [
        ['schema', 'functions/schema/src/index.ts'],
        ['audit', 'audit/src/index.ts'],
      ].map(async ([name = '', path = '']) => {
        const program = await start(name, path, { ...locked, WAIT_MS: '2000', CONNECT_DEADLINE_MS: '2000' });
        await program.says(/\S/);
      }),
    );
  },
  async 'webhooks are away, or repeat what they were sent'() {
    const echo = await serve((incoming, response) => {
      const words = JSON.stringify({ url: incoming.url, headers: incoming.headers });
      response.writeHead(500, { 'x-was': Buffer.from(words).toString('base64url') }).end(words);
    });
    const elsewhere = await serve((incoming, response) =>
      response.writeHead(302, { location: `http://127.0.0.1:9${incoming.url}` }).end(incoming.url),
    );
    const file = join(folder, 'targets.yaml');
    const targets = ['http://127.0.0.1:9', echo, elsewhere].map((base, index) => ({
      name: `target-${index}`,
      kind: 'json',
      url: `${base}/hook/${SECRETS.hookPath}`,
      headers: { authorization: `Bearer ${SECRETS.hookHeader}` },
    }));
    writeFileSync(file, JSON.stringify({ allowInside: ['127.0.0.1'], targets }));
    const notify = await start('notify', 'functions/notify/src/index.ts', {
      ...keyspaceEnv,
      CASSANDRA_USERNAME: 'kandle',
      CASSANDRA_PASSWORD_FILE: fileOf('cassandraPassword'),
      TARGETS_FILE: file,
      BUDGET_MS: '3000',
      ANSWER_MS: '1000',
      BACK_OFF_MS: '10',
      MAX_TRIES: '2',
    });
    await notify.says(/"ready"/);
    expect(await ask('notify', notify, '/', first('notify'))).not.toBe(0);
    const { rows } = await client.execute('SELECT JSON * FROM notifications');
    expect(rows.length).toBeGreaterThan(0);
    note('notify: its rows', JSON.stringify(rows));
  },
  async 'a sender is refused, and the keys of senders are refused to us'() {
    const keys = await serve((incoming, response) =>
      response.writeHead(403).end(JSON.stringify(incoming.headers)),
    );
    const signal = await start('signal', 'functions/signal/src/index.ts', {
      ...locked,
      OIDC_ISSUER: 'https://issuer.example.com',
      OIDC_AUDIENCE_PREFIX: 'kandle',
      OIDC_SUBJECTS: 'somebody',
      OIDC_KEYS_URL: keys,
      OIDC_KEYS_TOKEN_FILE: fileOf('keysToken'),
    });
    await signal.says(/"ready"/);
    const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const token = `${part({ alg: 'RS256', kid: '1' })}.${part({ sub: 'x' })}.${SECRETS.senderToken}`;
    expect(await ask('signal', signal, '/', first('signal'), token)).toBe(503);
    expect(await ask('signal', signal, '/', first('signal'), SECRETS.senderToken)).toBe(401);
  },
};

test.for(Object.keys(PROVOKED))('it is told, and provoked: %s', { timeout: 90_000 }, async (what) => {
  await PROVOKED[what]?.();
});

/** The forms in which a secret could be shown. */
const formsOf = (secret: string): readonly string[] => {
  const text = Buffer.from(secret);
  // Within a longer text base64 begins at any of three places; the ends depend on what stands beside.
  const inner = [0, 1, 2].map((shift) =>
    Buffer.concat([Buffer.alloc(shift), text])
      .toString('base64')
      .slice(shift === 0 ? 0 : 4, -4),
  );
  return [secret, encodeURIComponent(secret), text.toString('hex'), ...inner];
};

test('a secret is found in each of its forms', () => {
  const { hookPath: secret } = SECRETS;
  const text = (encoding: BufferEncoding, before: string): string =>
    Buffer.from(`${before}${secret} and more`).toString(encoding);
  const shown = [secret, text('hex', 'x'), ...['', 'x', 'xy'].map((before) => text('base64', before))];
  for (const one of shown) expect(formsOf(secret).some((form) => one.includes(form))).toBe(true);
});

test('no secret is in a log, an answer, a metric, a row, an argument or an environment', () => {
  expect([...seen.keys()].length).toBeGreaterThan(30);
  // What was provoked has been said: a silent process proves nothing.
  expect(seen.get('aggregate: log')).toMatch(/[Aa]uthentication/);
  expect(seen.get('persist: log')).toMatch(/password|[Aa]uthentication/);
  expect(seen.get('transform: log')).toMatch(/[Aa]uthentication/);
  const found = [...seen].flatMap(([place, text]) =>
    Object.entries(SECRETS)
      .filter(([, secret]) => formsOf(secret).some((form) => text.includes(form)))
      .map(([name]) => `${name} in ${place}`),
  );
  expect(found).toEqual([]);
});
