import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StartError } from '@kandle/tooling/start-error';
import { expect, test } from 'vitest';
import { envOfFeed, readFeedsFile } from './feeds-file.ts';

function write(content: unknown): string {
  const file = join(mkdtempSync(join(tmpdir(), 'kandle-feeds-')), 'kandle.config.json');
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

const TWELVEDATA = { vendor: 'twelvedata', name: 'td', symbols: ['AAPL', 'EUR/USD'] };
const TCP = { vendor: 'ndjson', name: 'mine', url: 'tcp-listen://0.0.0.0:9001', mapping: 'trades' };

test('readFeedsFile() reads several feeds, and the key comes from the environment alone', () => {
  const file = readFeedsFile(write({ feeds: [TWELVEDATA, { ...TCP, settings: { MAX_CONNECTIONS: '7' } }] }));
  expect(file?.feeds.map((feed) => envOfFeed(feed, { TWELVEDATA_KEY: 'key' }))).toEqual([
    { FEED: 'td', VENDOR: 'twelvedata', SYMBOLS: 'AAPL,EUR/USD', TWELVEDATA_KEY: 'key' },
    {
      FEED: 'mine',
      VENDOR: 'ndjson',
      SYMBOLS: '',
      FEED_URL: 'tcp-listen://0.0.0.0:9001',
      NDJSON_MAPPING: 'trades',
      MAX_CONNECTIONS: '7',
    },
  ]);
  expect(() => file?.feeds.map((feed) => envOfFeed(feed, {}))).toThrow(
    'set TWELVEDATA_KEY or TWELVEDATA_KEY_FILE',
  );
});

test('readFeedsFile() knows when there is none', () => {
  expect(readFeedsFile(join(tmpdir(), 'no-such', 'kandle.config.json'))).toBeNull();
});

test.each([
  ['{', 'it is no JSON'],
  [{}, 'kandle.config.json: feeds: '],
  [{ feeds: [] }, 'feeds: '],
  [{ feeds: [{ ...TWELVEDATA, symbol: 'X' }] }, 'feeds.0: Unrecognized key: "symbol"'],
  [{ feeds: [{ ...TWELVEDATA, token: 'secret' }] }, 'feeds.0: Unrecognized key: "token"'],
  [
    { feeds: [TWELVEDATA, { ...TCP, url: 'http://x' }] },
    'feeds.1.url: expected an address that begins with tcp://',
  ],
  [{ feeds: [{ ...TCP, mapping: [{ kind: 'trade' }] }] }, 'feeds.0.mapping'],
  [{ feeds: [{ vendor: 'reuters', name: 'x' }] }, 'feeds.0.vendor: '],
  [{ feeds: [TWELVEDATA, TWELVEDATA] }, 'two feeds have the same name'],
  [{ feeds: [TWELVEDATA], color: 1 }, 'Unrecognized key: "color"'],
])('readFeedsFile() says where %j is wrong', (content, message) => {
  expect(() => readFeedsFile(write(content))).toThrow(StartError);
  expect(() => readFeedsFile(write(content))).toThrow(message);
});
