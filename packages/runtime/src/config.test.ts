import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { z } from 'zod';
import {
  commaList,
  type Env,
  loadDotEnv,
  logLevel,
  port,
  positiveMs,
  readEnv,
  wholeNumber,
} from './config.ts';
import { FatalError } from './errors.ts';

const Schema = z.object({
  WAIT_MS: positiveMs.default(5_000),
  PORT: port.default(8080),
  LIMIT: wholeNumber(10, 20).optional(),
  NAMES: commaList.default(['a']),
  LOG_LEVEL: logLevel.default('info'),
  DRY_RUN: z.stringbool().default(false),
  URL: z.url().optional(),
});
const Strict = z.object({ ...Schema.shape, TOKEN_FILE: z.string() });

test('readEnv() gives the defaults, when variables are absent or empty', () => {
  const defaults = { WAIT_MS: 5_000, PORT: 8080, NAMES: ['a'], LOG_LEVEL: 'info', DRY_RUN: false };
  expect(readEnv(Schema, {})).toEqual(defaults);
  expect(
    readEnv(Schema, {
      WAIT_MS: '',
      PORT: '',
      LIMIT: '',
      NAMES: '',
      LOG_LEVEL: '',
      DRY_RUN: '',
      URL: '',
      HOME: '/root',
    }),
  ).toEqual(defaults);
});

test('readEnv() gives typed values, when variables are set', () => {
  const env = {
    WAIT_MS: '1',
    PORT: '65535',
    LIMIT: '020',
    NAMES: ' a , b,,c ',
    LOG_LEVEL: 'silent',
    DRY_RUN: 'true',
  };
  expect(readEnv(Schema, env)).toEqual({
    WAIT_MS: 1,
    PORT: 65_535,
    LIMIT: 20,
    NAMES: ['a', 'b', 'c'],
    LOG_LEVEL: 'silent',
    DRY_RUN: true,
  });
});

function messageOf(env: Env): string {
  try {
    readEnv(Strict, env);
  } catch (error) {
    expect(error).toBeInstanceOf(FatalError);
    return error instanceof Error ? error.message : '';
  }
  return '';
}

test('readEnv() names every bad variable once and never a value, when several are wrong', () => {
  const env = {
    WAIT_MS: 's3cret-0',
    PORT: '99999',
    LIMIT: 's3cret-1',
    NAMES: ' , ',
    LOG_LEVEL: 's3cret-2',
    DRY_RUN: 's3cret-3',
    URL: 's3cret-4',
  };
  const message = messageOf(env);
  expect(message).toMatch(/^Cannot start: /);
  expect(message).not.toMatch(/s3cret|99999/);
  for (const name of [...Object.keys(env), 'TOKEN_FILE']) {
    expect(message.split(`${name}: `)).toHaveLength(2);
  }
  expect(message).toContain('WAIT_MS: expected whole milliseconds above 0');
  expect(message).toContain('PORT: expected a whole number from 1 to 65535');
  expect(message).toContain('LIMIT: expected a whole number;');
  expect(message).toContain('NAMES: expected at least one value');
  expect(message).toContain('TOKEN_FILE: is not set');
});

test.each<[string, string]>([
  ['WAIT_MS', '0'],
  ['WAIT_MS', '-1'],
  ['WAIT_MS', '1.5'],
  ['WAIT_MS', '1e3'],
  ['WAIT_MS', '01'],
  ['WAIT_MS', '5s'],
  ['WAIT_MS', '1'.repeat(16)],
  ['PORT', '0'],
  ['PORT', '65536'],
  ['PORT', ' 80'],
  ['PORT', '0x50'],
  ['LIMIT', '9'],
  ['LIMIT', '21'],
  ['LOG_LEVEL', 'INFO'],
  ['DRY_RUN', 'maybe'],
])('readEnv() refuses, when %s is %j', (name, value) => {
  expect(messageOf({ TOKEN_FILE: '/x', [name]: value })).toMatch(
    new RegExp(`^Cannot start: ${name}: [^;]+$`),
  );
});

test('readEnv() speaks of the configuration, when a rule over several variables fails', () => {
  const both = Schema.refine(() => false, 'WAIT_MS and LIMIT do not fit together');
  expect(() => readEnv(both, {})).toThrow(
    'Cannot start: configuration: WAIT_MS and LIMIT do not fit together',
  );
});

let folder = '';
let path = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kandle-config-'));
  path = join(folder, '.env');
});
afterEach(() => {
  rmSync(folder, { recursive: true });
  vi.unstubAllEnvs();
});

const readText = (from: string): string => readFileSync(from, 'utf8');

test('loadDotEnv() does nothing, when there is no file', () => {
  expect(() => loadDotEnv(path, readText)).not.toThrow();
});

test('loadDotEnv() sets what is not set, when lines are comments, blank or NAME=value', () => {
  vi.stubEnv('KANDLE_TEST_SET', 'before');
  vi.stubEnv('KANDLE_TEST_A', undefined);
  vi.stubEnv('KANDLE_TEST_B', undefined);
  writeFileSync(
    path,
    '# comment\r\n\r\nKANDLE_TEST_SET=file\r\n  KANDLE_TEST_A = "a b" \r\nexport KANDLE_TEST_B=1\n\t#x\n',
  );
  loadDotEnv(path, readText);
  expect([
    process.env['KANDLE_TEST_SET'],
    process.env['KANDLE_TEST_A'],
    process.env['KANDLE_TEST_B'],
  ]).toEqual(['before', 'a b', '1']);
});

test.each([
  ['KANDLE_TEST_C=1\ns3cret\n', 2],
  ['s3cret value\n', 1],
  ['\n\n# x\n=s3cret\n', 4],
  ['1NAME=s3cret\n', 1],
  ['MY-NAME=s3cret', 1],
  ['\ufeffKANDLE_TEST_C=s3cret', 1],
])(
  'loadDotEnv() names the line and not its text, and sets nothing, when a line is neither (%j)',
  (text, line) => {
    vi.stubEnv('KANDLE_TEST_C', undefined);
    writeFileSync(path, text);
    const load = (): void => loadDotEnv(path, readText);
    expect(load).toThrow(FatalError);
    expect(load).toThrow(`Cannot read ${path}: line ${line} is neither a comment nor NAME=value`);
    expect(load).not.toThrow(/s3cret/);
    expect(process.env['KANDLE_TEST_C']).toBeUndefined();
  },
);

test('loadDotEnv() throws a FatalError with its cause, when the file cannot be read', () => {
  const load = (): void => loadDotEnv(folder, readText);
  expect(load).toThrow(FatalError);
  expect(load).toThrow(`Cannot read ${folder}: check that it is a readable file`);
});
