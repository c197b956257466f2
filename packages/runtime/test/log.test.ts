import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';

const FIXTURE = fileURLToPath(new URL('./fixture-log.ts', import.meta.url));
const TIMEOUT_MS = 30_000;

const folder = mkdtempSync(join(tmpdir(), 'kandle-log-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What a process with a Kafka password and a broker that is away writes. */
function run(level: string) {
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, 'pa55word\n');
  return spawnSync(process.execPath, [FIXTURE, level], {
    encoding: 'utf8',
    env: {
      // A port that nobody listens on.
      KAFKA_BROKERS: '127.0.0.1:1',
      KAFKA_SASL_MECHANISM: 'scram-sha-512',
      KAFKA_SASL_USERNAME: 'me',
      KAFKA_SASL_PASSWORD_FILE: passwordFile,
    },
  });
}

test('createLogger() writes one JSON line per entry and no password, when anything is logged', {
  timeout: TIMEOUT_MS,
}, () => {
  const { stderr, stdout } = run('debug');
  const lines = stderr
    .trimEnd()
    .split('\n')
    .map((line): unknown => JSON.parse(line));
  expect(stdout).toBe('');
  expect(lines).toContainEqual(
    expect.objectContaining({ level: 'debug', name: 'fixture', msg: 'two\nlines' }),
  );
  expect(lines).toContainEqual(
    expect.objectContaining({ level: 'info', shard: 'finnhub-03', msg: 'counted' }),
  );
  expect(lines).toContainEqual(expect.objectContaining({ level: 'error', msg: 'failed' }));
  for (const line of lines) {
    expect(line).toMatchObject({
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      pid: expect.any(Number),
    });
  }
  expect(stderr).toContain('inner');
  expect(stderr).toContain('"kafka":{"broker":"127.0.0.1:1"}');
  expect(stderr).not.toMatch(/pa55word|cGE1NXdvcmQ/);
});

test('createLogger() leaves out what is below its level, when it is warn or silent', {
  timeout: TIMEOUT_MS,
}, () => {
  expect(run('warn').stderr).not.toMatch(/two|counted/);
  expect(run('silent').stderr).toBe('');
});
