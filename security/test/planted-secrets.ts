import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startFeedServer } from '@kandle/feeds/finnhub/feed-server';
import type { MarketEvent } from '@kandle/market/event/market-event';
import { FIRST_EVENTS } from '@kandle/testkit/first-events';
import { afterAll, describe, expect, test } from 'vitest';
import {
  bundlesMadeWith,
  hasCommand,
  hasTerraform,
  manifestsMadeWith,
  statesMadeWith,
} from './made-things.ts';
import { createPrograms } from './programs.ts';
import { envOf, type SecuredServers } from './secured-servers.ts';

const plant = (what: string): string => `planted-${what}-${randomBytes(9).toString('hex')}`;
const SECRETS = {
  feedKey: plant('feed-key'),
  kafkaPassword: plant('kafka-password'),
  cassandraPassword: plant('cassandra-password'),
  hookPath: plant('hook-path'),
  hookHeader: plant('hook-header'),
  senderToken: plant('sender-token'),
  keysToken: plant('keys-token'),
  clusterToken: plant('cluster-token'),
  adminKey: plant('admin-key'),
};
type Secret = keyof typeof SECRETS;

const first = (name: string): MarketEvent => {
  const event = FIRST_EVENTS.get(name)?.(1);
  if (event === undefined) throw new Error(`There is no event for ${name}`);
  return event;
};

/**
 * Every secret of an installation, planted as something that occurs nowhere else, and looked for wherever the
 * processes write, answer or are seen. Things go wrong meanwhile, so that errors are told: Kafka and Cassandra
 * refuse the passwords, the feed the key, webhooks are away or repeat what they were sent, a sender's token has
 * expired.
 */
export function testPlantedSecrets(secured: () => SecuredServers): void {
  const folder = mkdtempSync(join(tmpdir(), 'kandle-planted-'));
  const programs = createPrograms();
  const ends: (() => unknown)[] = [() => programs.end()];
  const { seen, note } = programs;

  afterAll(async () => {
    for (const end of ends.toReversed()) await end();
    rmSync(folder, { recursive: true, force: true });
  });

  /** A file as a mounted Secret has it. */
  function fileOf(secret: Secret): string {
    const file = join(folder, secret);
    writeFileSync(file, `${SECRETS[secret]}\n`, { mode: 0o600 });
    return file;
  }

  /** The login of a component, but with passwords that are planted, and wrong. */
  const locked = (component: string): Readonly<Record<string, string>> => ({
    ...envOf(secured(), component),
    KAFKA_SASL_PASSWORD_FILE: fileOf('kafkaPassword'),
    CASSANDRA_PASSWORD_FILE: fileOf('cassandraPassword'),
  });

  const start = (name: string, env: Readonly<Record<string, string>>) =>
    programs.start(name, name === 'audit' ? 'audit/src/index.ts' : `functions/${name}/src/index.ts`, env);

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

  /** What each part has to be told wrong, and what it must have said of it: else nothing was provoked. */
  const PROVOKED: Readonly<Record<string, () => Promise<void>>> = {
    async 'the feed refuses the key'() {
      let isShut = true;
      const feed = await startFeedServer(
        0,
        (socket) => socket.close(1008, `no: ${SECRETS.feedKey}`),
        () => (isShut ? 401 : null),
      );
      ends.push(() => feed.close());
      const ingest = await start('ingest', {
        ...envOf(secured(), 'ingest'),
        FEED_URL: feed.url,
        FINNHUB_TOKEN_FILE: fileOf('feedKey'),
        SYMBOLS: 'AAPL',
        RECONNECT_MIN_MS: '50',
        RECONNECT_MAX_MS: '100',
      });
      await ingest.says(/does not accept the key/);
      isShut = false;
      for (const path of ['/status', '/metrics', '/health/readiness']) await ingest.ask(path);
    },
    async 'Kafka and Cassandra refuse the passwords'() {
      await Promise.all(
        ['aggregate', 'persist', 'transform'].map(async (name) => {
          const program = await start(name, locked(name));
          await program.says(/"ready"/);
          expect(await program.ask('/', first(name))).toBe(503);
        }),
      );
      const others: readonly (readonly [string, readonly string[]])[] = [
        ['query', ['/v1/symbols', '/v1/status', '/health/readiness']],
        ['exporter', ['/metrics', '/health/readiness']],
      ];
      await Promise.all(
        others.map(async ([name, paths]) => {
          const program = await start(name, locked(name));
          await expect.poll(() => program.ask('/health/liveness'), { timeout: 20_000 }).toBeGreaterThan(0);
          for (const path of paths) await program.ask(path);
        }),
      );
    },
    async 'the jobs cannot log in'() {
      await Promise.all(
        ['schema', 'audit'].map(async (name) => {
          const program = await start(name, {
            ...locked(name),
            WAIT_MS: '2000',
            CONNECT_DEADLINE_MS: '2000',
          });
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
      const notify = await start('notify', {
        ...envOf(secured(), 'notify'),
        TARGETS_FILE: file,
        BUDGET_MS: '3000',
        ANSWER_MS: '1000',
        BACK_OFF_MS: '10',
        MAX_TRIES: '2',
      });
      await notify.says(/"ready"/);
      expect(await notify.ask('/', first('notify'))).not.toBe(0);
      const { cassandraAdmin, keyspace } = secured();
      const { rows } = await cassandraAdmin.execute(`SELECT JSON * FROM ${keyspace}.notifications`, [], {
        prepare: true,
      });
      expect(rows.length).toBeGreaterThan(0);
      note('notify: its rows', JSON.stringify(rows));
    },
    async 'a sender is refused, and the keys of senders are refused to us'() {
      const keys = await serve((incoming, response) =>
        response.writeHead(403).end(JSON.stringify(incoming.headers)),
      );
      const signal = await start('signal', {
        ...locked('signal'),
        OIDC_ISSUER: 'https://issuer.example.com',
        OIDC_AUDIENCE_PREFIX: 'kandle',
        OIDC_SUBJECTS: 'somebody',
        OIDC_KEYS_URL: keys,
        OIDC_KEYS_TOKEN_FILE: fileOf('keysToken'),
      });
      await signal.says(/"ready"/);
      const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
      const token = `${part({ alg: 'RS256', kid: '1' })}.${part({ sub: 'x' })}.${SECRETS.senderToken}`;
      expect(await signal.ask('/', first('signal'), token)).toBe(503);
      expect(await signal.ask('/', first('signal'), SECRETS.senderToken)).toBe(401);
    },
  };

  describe('secrets that are planted', () => {
    test.for(Object.keys(PROVOKED))('it is told, and provoked: %s', { timeout: 90_000 }, async (what) => {
      await PROVOKED[what]?.();
    });

    test('a secret is found in each of its forms', () => {
      const { hookPath: secret } = SECRETS;
      const text = (encoding: BufferEncoding, before: string): string =>
        Buffer.from(`${before}${secret} and more`).toString(encoding);
      const shown = [secret, text('hex', 'x'), ...['', 'x', 'xy'].map((before) => text('base64', before))];
      for (const one of shown) expect(formsOf(secret).some((form) => one.includes(form))).toBe(true);
    });

    test('no secret is in a log, an answer, a metric, a row, an argument or an environment', () => {
      // Every process of this machine, while those above still run.
      for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
        note('arguments of every process', argumentsOf(pid));
      expect(seen.get('arguments of every process')).toContain('functions/ingest/src/index.ts');
      expect([...seen.keys()].length).toBeGreaterThan(30);
      // What was provoked has been said: a silent process proves nothing.
      expect(seen.get('aggregate: log')).toMatch(/[Aa]uthentication/);
      expect(seen.get('persist: log')).toMatch(/password|[Aa]uthentication/);
      expect(seen.get('transform: log')).toMatch(/[Aa]uthentication/);
      expect(secretsIn(seen)).toEqual([]);
    });

    /** Who builds and deploys may have secrets in the environment. */
    const env = Object.fromEntries(
      Object.entries(SECRETS).flatMap(([name, secret]) => [
        [VARIABLES[name] ?? name, secret],
        [`TF_VAR_${name}`, secret],
      ]),
    );

    test('no secret is in a bundle', async () => {
      const bundles = await bundlesMadeWith(env, ['ingest', 'aggregate', 'notify']);
      expect([...bundles.values()].every((text) => text.length > 10_000)).toBe(true);
      expect(secretsIn(bundles)).toEqual([]);
    });

    test.skipIf(!hasCommand('kubectl'))('no secret is in a manifest that kustomize makes', () => {
      const manifests = manifestsMadeWith(env);
      expect(manifests.get('production')).toContain('kind: KafkaUser');
      expect(secretsIn(manifests)).toEqual([]);
    });

    test.skipIf(!hasTerraform())(
      'no secret is in the state of a root of Terraform, but the one that its README names',
      () => {
        const config = join(folder, 'kubeconfig');
        writeFileSync(
          config,
          JSON.stringify({ users: [{ name: 'kandle', user: { token: SECRETS.clusterToken } }] }),
        );
        const states = statesMadeWith(
          { ...env, TF_VAR_kubeconfig: config, KUBECONFIG: config, OS_PASSWORD: SECRETS.keysToken },
          SECRETS.adminKey,
          folder,
        );
        // What is looked through is the state.
        expect(states.get('cluster/local')).toContain('kind delete cluster');
        expect(states.get('cluster/openstack')).toContain('kandle-raw-archive');
        expect(states.get('operators')).toContain('strimzi-kafka-operator');
        expect(states.get('pipeline')).toContain('kafkauser/kandle/kandle-ingest');
        expect(secretsIn(states)).toEqual(['adminKey in cluster/openstack']);
      },
      120_000,
    );
  });
}

/** The variables that hold a secret where no file is taken, or where a person may put it all the same. */
const VARIABLES: Readonly<Record<string, string>> = {
  feedKey: 'FINNHUB_TOKEN',
  kafkaPassword: 'KAFKA_SASL_PASSWORD',
  cassandraPassword: 'CASSANDRA_PASSWORD',
  hookPath: 'SLACK_URL',
};

/** Which secrets are in which texts. */
function secretsIn(texts: ReadonlyMap<string, string>): readonly string[] {
  return [...texts].flatMap(([place, text]) =>
    Object.entries(SECRETS)
      .filter(([, secret]) => formsOf(secret).some((form) => text.includes(form)))
      .map(([name]) => `${name} in ${place}`),
  );
}

/** The arguments of a process; nothing if it has ended meanwhile. */
function argumentsOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

/** The forms in which a secret could be shown. */
function formsOf(secret: string): readonly string[] {
  const text = Buffer.from(secret);
  // Within a longer text base64 begins at any of three places; the ends depend on what stands beside.
  const inner = [0, 1, 2].map((shift) =>
    Buffer.concat([Buffer.alloc(shift), text])
      .toString('base64')
      .slice(shift === 0 ? 0 : 4, -4),
  );
  return [secret, encodeURIComponent(secret), text.toString('hex'), ...inner];
}
