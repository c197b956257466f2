import { type ListServer, startListServer } from '@kandle/feeds/vendor/list-server';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createSqliteStore } from '../src/sqlite-store.ts';

const KEY = 'secret-key-1';
const LIST = '/stock/symbol?exchange=US';
const folder = mkdtempSync(join(tmpdir(), 'kandle-instruments-'));
let server: ListServer;

beforeAll(async () => {
  server = await startListServer(KEY);
  writeFileSync(join(folder, 'key'), `${KEY}\n`);
});
beforeEach(() => server.fail(null));
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

const stocks = (count: number) =>
  Array.from({ length: count }, (_, n) => ({
    symbol: `S${n}`,
    description: `S${n} INC`,
    currency: 'USD',
    mic: 'XNAS',
    type: 'Common Stock',
    figi: `BBG${n}`,
  }));

/** The real program, once. */
async function run(name: string, env: Readonly<Record<string, string>> = {}) {
  const file = join(folder, `${name}.sqlite`);
  const child = spawn(process.execPath, [join(import.meta.dirname, '../src/index.ts')], {
    env: {
      PATH: process.env['PATH'],
      API_URL: server.url,
      API_KEY_FILE: join(folder, 'key'),
      SQLITE_FILE: file,
      ANSWER_MS: '1000',
      PUBLISH: 'none',
      REQUESTS_PER_MINUTE: '6000',
      LIMIT_PAUSE_MS: '10',
      ...env,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  await once(child, 'close');
  expect(log).not.toContain(KEY);
  const store = createSqliteStore(file);
  const list = env['LISTS'] ?? 'stocks:US';
  const kept = {
    outcome: await store.outcome('finnhub', list),
    instruments: await store.instruments('finnhub', list),
  };
  await store.close();
  return { code: child.exitCode, log, ...kept };
}

test('a list is kept with its profiles; a shorter one is refused, unless it is accepted; absent twice is inactive', async () => {
  server.answer(LIST, stocks(10));
  server.answer('/stock/profile2?symbol=S1', { name: 'Second Incorporated', currency: 'EUR' });
  const first = await run('lists', { PROFILES: 'S1' });
  expect(first).toMatchObject({ code: 0, outcome: { active: 10, refusal: '' } });
  expect(first.instruments[1]).toMatchObject({
    ticker: 'S1',
    description: 'Second Incorporated',
    currency: 'EUR',
  });

  server.answer(LIST, stocks(7));
  const shrunk = await run('lists');
  expect(shrunk).toMatchObject({ code: 1, outcome: { active: 10, takenAtMs: first.outcome?.takenAtMs } });
  expect(shrunk.outcome?.refusal).toContain('shrank by more than 20 %');
  expect(shrunk.log).toContain('"level":"error"');
  await run('lists', { ACCEPT_SHRINK: 'true' });
  expect(await run('lists', { ACCEPT_SHRINK: 'true' })).toMatchObject({ code: 0, outcome: { active: 7 } });
});

test('a vendor that refuses, is cut off, is mute or sends garbage leaves what is kept, and its words', async () => {
  server.answer(LIST, stocks(3));
  await run('faults');
  const faults = [
    [{ status: 429, body: '{"error":"API limit reached."}' }, 'finnhub answers 429: API limit reached.'],
    [{ status: 200, body: '<html>' }, 'finnhub answers 200: <html>'],
    [{ status: 200, body: '{"x":1}' }, 'no list'],
    ['half', 'Cannot read stock/symbol'],
    ['mute', 'Cannot read stock/symbol'],
  ] as const;
  for (const [fault, words] of faults) {
    server.fail(fault);
    const { code, outcome, instruments } = await run('faults');
    expect([code, instruments.length, outcome?.active]).toEqual([1, 3, 3]);
    expect(outcome?.refusal).toContain(words);
  }
  server.fail(null);
  expect(await run('faults')).toMatchObject({ code: 0, outcome: { refusal: '' } });
});

test('profiles are asked for within the limit of the vendor, and again where there were too many requests', async () => {
  server.answer(LIST, stocks(10));
  const PROFILES = stocks(10).map(({ symbol }) => symbol);
  for (const symbol of PROFILES)
    server.answer(`/stock/profile2?symbol=${symbol}`, { name: `Named ${symbol}` });
  server.fail({ status: 429, body: '{"error":"API limit reached."}' }, 2);
  const began = server.requests().length;
  // One in 50 ms: ten profiles after the list.
  const { code, instruments } = await run('paced', {
    PROFILES: PROFILES.join(),
    REQUESTS_PER_MINUTE: '1200',
  });
  expect([code, instruments.every(({ description }) => description.startsWith('Named S'))]).toEqual([
    0,
    true,
  ]);
  const times = server.requests().slice(began);
  expect(times).toHaveLength(2 + 1 + 10);
  // Nine times 50 ms, less what a busy machine holds up the first of them; all at once they take 20.
  expect((times.at(-1) ?? 0) - (times[3] ?? 0)).toBeGreaterThan(250);
});

test('an error of Twelve Data that comes with status 200 is one', async () => {
  const env = { VENDOR: 'twelvedata', LISTS: 'stocks:NASDAQ' };
  const path = '/stocks?exchange=NASDAQ';
  const entry = {
    symbol: 'AAPL',
    name: 'Apple Inc.',
    currency: 'USD',
    mic_code: 'XNGS',
    type: 'Common Stock',
  };
  server.answer(path, { data: [entry], count: 1, status: 'ok' });
  expect(await run('twelve', env)).toMatchObject({
    code: 0,
    instruments: [{ ticker: 'AAPL', market: 'XNGS' }],
  });
  server.answer(path, { code: 429, message: 'You have run out of API credits', status: 'error' });
  const { code, outcome } = await run('twelve', env);
  expect([code, outcome?.refusal]).toEqual([
    1,
    'Cannot read stocks: twelvedata answers 429: You have run out of API credits',
  ]);
});

test('a wrong configuration is named, with exit code 3', async () => {
  const { code, log } = await run('wrong', { LISTS: 'bonds', API_KEY_FILE: '' });
  expect(code).toBe(3);
  expect(log).toContain('LISTS: expected stocks, crypto or forex');
  expect(log).toContain('API_KEY_FILE: is not set');
});
