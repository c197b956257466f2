import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from '@kandle/servers/ports/ports';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { ROOT } from '../../bundle.ts';
import { buildStandIns, STAND_INS } from './stand-in-images.ts';

/**
 * `npm run test:compose`, on Linux as whoever may end a container's process: compose.yaml is brought up, every
 * part of it killed, started again with its data, and taken down.
 *
 * COMPOSE (`docker compose`), IMAGE_ENGINE (`docker`): with podman its Docker socket is what COMPOSE speaks to
 * (DOCKER_HOST), and its health checks are run from here, for where it has no systemd nobody does.
 * Where images cannot be pulled: NODE_IMAGE and RUN_IMAGE to build on, and STAND_IN_BASE, an image of Debian 12
 * that stand-ins for the servers are built on. IMAGE_BUILD_OPTIONS: words for the engine's build.
 * COMPOSE_IMAGES=ready: they were built before.
 */
const words = (text: string): readonly string[] => text.split(' ').filter((word) => word !== '');
const [composeProgram = '', ...composeWords] = words(process.env['COMPOSE'] ?? 'docker compose');
const engine = process.env['IMAGE_ENGINE'] ?? 'docker';
const options = words(process.env['IMAGE_BUILD_OPTIONS'] ?? '');
const hasCompose = spawnSync(composeProgram, [...composeWords, 'version']).status === 0;
const PROJECT = 'kandle-test';
const folder = mkdtempSync(join(tmpdir(), 'kandle-logins-'));
/** Within one that nobody else may enter: a container's user must be able to read it. */
const secrets = join(folder, 'logins');

const ServiceSchema = z.looseObject({
  image: z.string(),
  build: z.looseObject({ args: z.looseObject({ FUNCTION: z.string().optional() }) }).optional(),
  restart: z.string(),
  healthcheck: z.looseObject({}).optional(),
  profiles: z.array(z.string()).default([]),
});
const { services } = z
  .object({ services: z.record(z.string(), ServiceSchema) })
  .parse(parse(readFileSync(join(ROOT, 'compose.yaml'), 'utf8'), { merge: true }));
/** What runs all the time without a profile. */
const LASTING = Object.entries(services).filter(
  ([, { restart, profiles }]) => restart !== 'no' && profiles.length === 0,
);
const NAMES = LASTING.map(([name]) => name);
const CHECKED = Object.entries(services).flatMap(([name, { healthcheck }]) =>
  healthcheck === undefined ? [] : [name],
);

let env: NodeJS.ProcessEnv = {};
let queryUrl = '';
/** What was seen, printed at the end and for docs/operations.md. */
const seen: string[] = [];

async function compose(...args: readonly string[]): Promise<void> {
  await promisify(execFile)(composeProgram, [...composeWords, ...args], {
    cwd: ROOT,
    env,
    timeout: 600_000,
    maxBuffer: 1 << 28,
  });
}

/** Starts everything, and returns when all is well. */
async function up(): Promise<void> {
  await compose('up', '--detach', '--no-build', '--wait', '--wait-timeout', '400');
}

function run(...args: readonly string[]): string {
  return execFileSync(engine, args, { encoding: 'utf8', timeout: 60_000 }).trim();
}

const CandlesSchema = z.object({ rows: z.array(z.object({ start: z.number(), state: z.string() })) });
const TargetsSchema = z.object({
  data: z.object({ activeTargets: z.array(z.object({ health: z.string(), scrapeUrl: z.string() })) }),
});
const SymbolsSchema = z.object({ rows: z.array(z.object({ symbol: z.string() })) });

async function ask<T>(schema: z.ZodType<T>, path: string): Promise<T | null> {
  try {
    const response = await fetch(`${queryUrl}${path}`, { signal: AbortSignal.timeout(10_000) });
    return response.ok ? schema.parse(await response.json()) : null;
  } catch {
    return null;
  }
}

/** The starts of all final candles of one symbol; none if there is no answer. */
async function finals(): Promise<readonly number[]> {
  const symbols = await ask(SymbolsSchema, '/v1/symbols');
  const symbol = symbols?.rows[0]?.symbol;
  if (symbol === undefined) return [];
  const candles = await ask(CandlesSchema, `/v1/candles?symbol=${symbol}&interval=5s`);
  return candles?.rows.filter(({ state }) => state === 'final').map(({ start }) => start) ?? [];
}

/** Waits for a final candle that begins after a moment. */
async function untilFinalAfter(momentMs: number, deadlineMs: number): Promise<void> {
  const endMs = performance.now() + deadlineMs;
  while (!(await finals()).some((start) => start >= momentMs)) {
    if (performance.now() > endMs)
      throw new Error(`No new final candle in ${deadlineMs / 1_000} s:\n${run('ps', '--all')}`);
    await sleep(500);
  }
}

function container(service: string): string {
  const [id = ''] = run('ps', '--all', '--quiet', '--filter', `name=${PROJECT}-${service}-1`).split('\n');
  if (id === '') throw new Error(`There is no container of ${service}`);
  return id;
}

function pidOf(service: string): number {
  return Number(run('inspect', '--format={{.State.Pid}}', container(service)));
}

/** What all containers hold, MB. */
async function megabytes(): Promise<number> {
  const { stdout } = await promisify(execFile)(engine, [
    'stats',
    '--no-stream',
    '--format',
    '{{.Name}} {{.MemUsage}}',
  ]);
  return stdout
    .split('\n')
    .filter((line) => line.startsWith(PROJECT))
    .reduce((sum, line) => {
      const [, value = '0', unit = 'M'] = /\s([\d.]+)([kMG])i?B/.exec(line) ?? [];
      return sum + Number(value) * ({ k: 1e-3, M: 1, G: 1e3 }[unit] ?? 0);
    }, 0);
}

/** Does something every few seconds, one at a time, until it is ended; what fails is done again. */
function every(ms: number, what: () => Promise<void>): () => Promise<void> {
  const ending = new AbortController();
  const done = (async () => {
    while (!ending.signal.aborted) {
      await what().catch(() => undefined);
      await sleep(ms, undefined, { signal: ending.signal }).catch(() => undefined);
    }
  })();
  return () => {
    ending.abort();
    return done;
  };
}

/** Runs each health check that is not known to be well yet, as systemd would. */
async function runHealthChecks(): Promise<void> {
  for (const name of CHECKED) {
    const id = spawnSync(engine, ['ps', '--quiet', '--filter', `name=${PROJECT}-${name}-1`], {
      encoding: 'utf8',
    }).stdout.trim();
    if (id === '' || run('inspect', '--format={{.State.Health.Status}}', id) === 'healthy') continue;
    await promisify(execFile)(engine, ['healthcheck', 'run', id], { timeout: 60_000 }).catch(() => undefined);
  }
}

/** How long it took, and how busy the machine is. */
function seconds(startedMs: number): string {
  return `${((performance.now() - startedMs) / 1_000).toFixed(0)} s (load ${loadavg()[0]?.toFixed(0)})`;
}

describe.skipIf(!hasCompose)(
  `compose.yaml by ${composeProgram} ${composeWords.join(' ')}${hasCompose ? '' : ' (skipped: it is not here)'}`,
  () => {
    let endHealthChecks: () => Promise<void> = async () => undefined;

    beforeAll(async () => {
      const base = process.env['STAND_IN_BASE'];
      const queryPort = await freePort();
      queryUrl = `http://127.0.0.1:${queryPort}`;
      env = {
        ...process.env,
        ...(base === undefined ? {} : STAND_INS),
        COMPOSE_PROJECT_NAME: PROJECT,
        KANDLE_SECRETS: secrets,
        QUERY_PORT: String(queryPort),
        KAFKA_PORT: String(await freePort()),
        CASSANDRA_PORT: String(await freePort()),
        PROMETHEUS_PORT: String(await freePort()),
        GENERATOR_RATE: process.env['GENERATOR_RATE'] ?? '10',
      };
      execFileSync(join(ROOT, 'compose/prepare.sh'), ['--into', secrets, '--no-env'], { cwd: ROOT });
      if (process.env['COMPOSE_IMAGES'] !== 'ready') {
        if (base !== undefined) buildStandIns(engine, base, options);
        buildImages();
      }
      if (engine === 'podman') endHealthChecks = every(2_000, runHealthChecks);
    }, 3_600_000);

    afterAll(async () => {
      await endHealthChecks();
      spawnSync(composeProgram, [...composeWords, 'down', '--volumes'], { cwd: ROOT, env });
      rmSync(folder, { recursive: true, force: true });
      writeFileSync(1, `${seen.join('\n')}\n`);
    }, 300_000);

    test('a first start has its first final candle, all logged in and well, within 3.5 GB', async () => {
      let peak = 0;
      const endWatch = every(3_000, async () => {
        peak = Math.max(peak, await megabytes());
      });
      const startedMs = performance.now();
      const started = up().then(() => seen.push(`first start: all is well after ${seconds(startedMs)}`));
      try {
        await Promise.all([
          started,
          untilFinalAfter(0, 400_000).then(() =>
            seen.push(`first start: first final candle after ${seconds(startedMs)}`),
          ),
        ]);
        await untilFinalAfter(Date.now(), 60_000);
      } finally {
        await endWatch();
      }
      seen.push(`first start: at most ${peak.toFixed(0)} MB in all containers`);
      expect(peak).toBeGreaterThan(500);
      expect(peak).toBeLessThan(3_500);
    }, 600_000);

    test('no password that others know opens it', () => {
      const wrong = spawnSync(
        engine,
        ['exec', container('cassandra'), 'cqlsh', '-u', 'cassandra', '-p', 'cassandra', '-e', 'LIST ROLES'],
        { encoding: 'utf8' },
      );
      expect(wrong.status).not.toBe(0);
      expect(wrong.stderr).toMatch(/cassandra is not permitted to log in|Bad credentials/);
    });

    test('the console comes with its files', async () => {
      for (const path of ['/', '/console/app.js', '/console/app.css'])
        expect([path, (await fetch(`${queryUrl}${path}`)).status]).toEqual([path, 200]);
    }, 60_000);

    test('Prometheus sees what it is told to, by the rules of a cluster', async () => {
      await compose('up', '--detach', '--no-build', '--no-deps', '--wait', 'prometheus');
      const url = `http://127.0.0.1:${env['PROMETHEUS_PORT']}/api/v1`;
      const get = async (path: string): Promise<string> => (await fetch(`${url}${path}`)).text();
      await expect
        .poll(async () => TargetsSchema.parse(JSON.parse(await get('/targets'))).data.activeTargets, {
          timeout: 60_000,
          interval: 1_000,
        })
        .toEqual(
          ['exporter', 'ingest'].map((job) =>
            expect.objectContaining({ health: 'up', scrapeUrl: `http://${job}:8080/metrics` }),
          ),
        );
      expect(await get('/rules')).toContain('KandleStaleSymbol');
    }, 300_000);

    test.each(NAMES)(
      '%s killed: it is started again by itself, and candles go on',
      async (name) => {
        const pid = pidOf(name);
        const killedMs = Date.now();
        const startedMs = performance.now();
        process.kill(pid, 'SIGKILL');
        await untilFinalAfter(killedMs + 5_000, 240_000);
        expect(pidOf(name)).not.toBe(pid);
        seen.push(`${name} killed: a final candle of a later window after ${seconds(startedMs)}`);
      },
      300_000,
    );

    test('a second start finds its data again', async () => {
      const before = await finals();
      expect(before.length).toBeGreaterThan(0);
      await compose('down');
      const startedMs = performance.now();
      const begunMs = Date.now();
      const started = up().then(() => seen.push(`second start: all is well after ${seconds(startedMs)}`));
      await Promise.all([
        started,
        untilFinalAfter(0, 240_000).then(() =>
          seen.push(`second start: its data after ${seconds(startedMs)}`),
        ),
        untilFinalAfter(begunMs, 240_000).then(() =>
          seen.push(`second start: first new final candle after ${seconds(startedMs)}`),
        ),
      ]);
      expect(await finals()).toEqual(expect.arrayContaining([...before]));
    }, 900_000);

    test('down --volumes leaves nothing, of profiles neither', async () => {
      await compose('--profile', '*', 'down', '--volumes');
      const filter = ['--quiet', '--filter', `name=${PROJECT}`];
      expect([
        run('ps', '--all', ...filter),
        run('volume', 'ls', ...filter),
        run('network', 'ls', ...filter),
      ]).toEqual(['', '', '']);
    }, 300_000);
  },
);

/** Those of compose.yaml, by the engine itself, which takes more options than compose. */
function buildImages(): void {
  const bases = ['NODE_IMAGE', 'RUN_IMAGE'].flatMap((name) => {
    const image = process.env[name];
    return image === undefined ? [] : [{ name, image }];
  });
  const parts = Object.values(services).flatMap(({ build }) => build?.args.FUNCTION ?? []);
  const make = (program: string, ...given: readonly string[]): void => {
    execFileSync(program, given, { stdio: ['ignore', 'ignore', 'inherit'] });
  };
  const args = bases.flatMap(({ name, image }) => ['--build-arg', `${name}=${image}`]);
  make(
    engine,
    'build',
    ...args,
    ...options,
    '--target',
    'tools',
    '--tag',
    'docker.io/kandle/tools:dev',
    ROOT,
  );
  const how = ['--registry', 'docker.io', '--tag', 'dev', '--engine', engine];
  make(join(ROOT, 'knative/images.sh'), ...how, ...parts, '--', ...args, ...options);
}
