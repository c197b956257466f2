import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import { freePort } from '../local/src/ports.ts';

/**
 * How long each function takes from spawn to its first answer, from source and as one bundle, beside a bare
 * `node:http` server in the same run. No Kafka or Cassandra is there: connecting happens behind the first answer.
 *
 * Run: `npm run bench:cold-start`
 */
const ROUNDS = 9;
const FUNCTIONS = ['transform', 'aggregate', 'persist'] as const;
const ROOT = resolve(import.meta.dirname, '..');

async function bundle(name: string, folder: string): Promise<string> {
  const outfile = join(folder, `${name}.cjs`);
  await build({
    entryPoints: [join(ROOT, 'functions', name, 'src', 'index.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node24',
    // A dependency of the function runtime assigns this name without declaring it, which strict code refuses.
    banner: { js: 'var osu;' },
    logLevel: 'warning',
  });
  return outfile;
}

function answers(port: number): Promise<boolean> {
  return new Promise((done) => {
    const request = get({ host: '127.0.0.1', port, path: '/health/liveness', agent: false }, (response) => {
      response.resume();
      done(true);
    });
    request.on('error', () => done(false));
  });
}

/** Milliseconds from spawn to the first answer. @throws {Error} If there is none in 10 s. */
async function measure(script: string): Promise<number> {
  const port = await freePort();
  const startedMs = performance.now();
  const child = spawn(process.execPath, [script], {
    env: {
      PATH: process.env['PATH'],
      PORT: String(port),
      KAFKA_BROKERS: '127.0.0.1:1',
      CASSANDRA_PORT: '1',
      LOG_LEVEL: 'silent',
    },
    stdio: 'ignore',
  });
  try {
    while (!(await answers(port))) {
      if (performance.now() - startedMs > 10_000) throw new Error(`${script} did not answer in 10 s`);
      await sleep(2);
    }
    return performance.now() - startedMs;
  } finally {
    child.kill('SIGKILL');
  }
}

const folder = mkdtempSync(join(tmpdir(), 'kandle-cold-start-'));
try {
  const bare = join(folder, 'bare.cjs');
  writeFileSync(
    bare,
    "require('node:http').createServer((q, s) => s.end()).listen(process.env.PORT, '127.0.0.1');",
  );
  const cases = new Map([['bare node:http', bare]]);
  for (const name of FUNCTIONS) {
    cases.set(`${name}, source`, join(ROOT, 'functions', name, 'src', 'index.ts'));
    cases.set(`${name}, bundle`, await bundle(name, folder));
  }
  const times = new Map<string, number[]>();
  // Round by round, so that a busy moment hits all cases alike.
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, script] of cases) times.set(name, [...(times.get(name) ?? []), await measure(script)]);
  }
  const median = (name: string): number =>
    (times.get(name) ?? []).toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? Number.NaN;
  for (const name of cases.keys()) {
    const ms = median(name);
    console.log(
      `${name.padEnd(20)} ${ms.toFixed(0).padStart(5)} ms  ${(ms / median('bare node:http')).toFixed(1)} × bare`,
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
