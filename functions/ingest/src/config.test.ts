import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createKey, readConfig } from './config.ts';

const LEAST = { SYMBOLS: 'AAPL, BINANCE:BTCUSDT,AAPL', FINNHUB_TOKEN: 'key' };

test('readConfig() has a default for all but symbols and key', () => {
  expect(readConfig(LEAST)).toMatchObject({
    FEED: 'finnhub',
    FEED_URL: 'wss://ws.finnhub.io',
    SYMBOLS: ['AAPL', 'BINANCE:BTCUSDT', 'AAPL'],
    SHARD_COUNT: 4,
    LINGER_MS: 50,
    SPACING_MS: 250,
    MAX_TRADES: 1_000,
    RAW_TOPIC: 'market.raw.v1',
    REJECTS_TOPIC: 'market.rejects.v1',
    HTTP_HOST: '127.0.0.1',
  });
});

test('readConfig() takes from a vendor what nobody says otherwise', () => {
  const twelvedata = { SYMBOLS: 'AAPL', VENDOR: 'twelvedata', TWELVEDATA_KEY: 'key' };
  expect(readConfig(twelvedata)).toMatchObject({
    FEED_URL: 'wss://ws.twelvedata.com/v1/quotes/price',
    DISORDER_MS: 2_000,
  });
  const tcp = { VENDOR: 'ndjson', FEED_URL: 'tcp-listen://0.0.0.0:9001', DISORDER_MS: '7' };
  expect(readConfig(tcp)).toMatchObject({ FEED_URL: tcp.FEED_URL, DISORDER_MS: 7, MAX_CONNECTIONS: 100 });
});

test.each([
  ['max', Number.POSITIVE_INFINITY],
  ['1', 1],
  ['0.5', 0.5],
])('readConfig() reads the replay speed %s', (text, speed) => {
  expect(readConfig({ ...LEAST, REPLAY_SPEED: text }).REPLAY_SPEED).toBe(speed);
});

test.each([
  [{ FINNHUB_TOKEN: 'key' }, /set either SYMBOLS or SYMBOLS_FILE/],
  [{ ...LEAST, SYMBOLS_FILE: '/x' }, /set either SYMBOLS or SYMBOLS_FILE/],
  [{ ...LEAST, SYMBOLS: ', ,' }, /SYMBOLS: expected at least one value/],
  [{ SYMBOLS: 'AAPL' }, /FINNHUB_TOKEN or FINNHUB_TOKEN_FILE/],
  [{ ...LEAST, FINNHUB_TOKEN_FILE: '/x' }, /FINNHUB_TOKEN or FINNHUB_TOKEN_FILE/],
  [{ ...LEAST, FEED: 'Finn_hub' }, /FEED: /],
  [{ ...LEAST, FEED_URL: 'https://x' }, /FEED_URL: .*ws:/],
  [{ ...LEAST, REPLAY_SPEED: '0' }, /REPLAY_SPEED: /],
  [{ ...LEAST, REPLAY_SPEED: '-1' }, /REPLAY_SPEED: /],
  [{ ...LEAST, MEMORY_MS: '899999' }, /MEMORY_MS is below HORIZON_MS/],
  [{ ...LEAST, LINGER_MS: '1.5', SHARD_COUNT: '0' }, /SHARD_COUNT.*LINGER_MS|LINGER_MS.*SHARD_COUNT/],
  [{ ...LEAST, VENDOR: 'reuters' }, /VENDOR: /],
  [{ ...LEAST, COUNTING_RULES: 'tape' }, /COUNTING_RULES: expected all, us-tape/],
  [{ ...LEAST, COUNTING_RULES: '{"volume":["12"]}' }, /COUNTING_RULES: expected all/],
  [{ SYMBOLS: 'AAPL', VENDOR: 'twelvedata' }, /TWELVEDATA_KEY or TWELVEDATA_KEY_FILE/],
  [{ SYMBOLS: 'AAPL', VENDOR: 'yahoo', FEED_URL: 'tcp://x:1' }, /FEED_URL: .*wss:/],
  [{ VENDOR: 'ndjson' }, /FEED_URL: .*tcp:\/\/ or tls:\/\/ or tcp-listen:/],
  [{ VENDOR: 'ndjson', FEED_URL: 'tls-listen://0.0.0.0:1' }, /TLS_CERT_FILE and TLS_KEY_FILE/],
  [{ VENDOR: 'ndjson', FEED_URL: 'tcp://x:1', NDJSON_MAPPING: '[{"kind":"trade"}]' }, /NDJSON_MAPPING: 0\./],
  [{ VENDOR: 'ndjson', FEED_URL: 'tcp://x:1', NDJSON_MAPPING: 'bar' }, /NDJSON_MAPPING: /],
])('readConfig() names what is wrong with %j', (env, message) => {
  expect(() => readConfig(env)).toThrow(message);
});

test('createKey() reads a file without its line break, again at each call, and never shows a value', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kandle-'));
  const file = join(folder, 'token');
  writeFileSync(file, 'from-file\n');
  try {
    const config = readConfig({ SYMBOLS: 'AAPL', FINNHUB_TOKEN_FILE: file });
    const key = createKey(config);
    expect(key()).toBe('from-file');
    writeFileSync(file, 'another\n');
    expect(key()).toBe('another');
    writeFileSync(file, '\n');
    expect(key()).toBe('another');
    expect(() => createKey(config)).toThrow(/holds no key/);
    expect(() => createKey({ ...config, FINNHUB_TOKEN_FILE: join(folder, 'none') })).toThrow(
      /does not exist/,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
