import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StartError } from '@kandle/tooling/start-error';
import { expect, test } from 'vitest';
import { envsOfFeeds, readFeedsFile } from './feeds-file.ts';

function write(content: unknown): string {
  const file = join(mkdtempSync(join(tmpdir(), 'kandle-feeds-')), 'kandle.config.json');
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

const TWELVEDATA = { vendor: 'twelvedata', name: 'td', symbols: ['AAPL', 'EUR/USD'] };
const TCP = { vendor: 'ndjson', name: 'mine', url: 'tcp-listen://0.0.0.0:9001', mapping: 'trades' };

test('envsOfFeeds() reads several feeds, and the key comes from the environment alone', async () => {
  const file = readFeedsFile(write({ feeds: [TWELVEDATA, { ...TCP, settings: { MAX_CONNECTIONS: '7' } }] }));
  if (file === null) throw new RangeError('There is no file');
  expect(await envsOfFeeds(file, { TWELVEDATA_KEY: 'key' })).toEqual([
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
  await expect(envsOfFeeds(file, {})).rejects.toThrow('set TWELVEDATA_KEY or TWELVEDATA_KEY_FILE');
});

test('envsOfFeeds() names each setting that ingest does not know, or does not take, before anything is started', async () => {
  const settings = { SILENCE_SM: '5', SILENCE_MS: 'soon', MAX_CONNECTIONS: '0' };
  const file = readFeedsFile(write({ feeds: [TWELVEDATA, { ...TCP, settings }] }));
  if (file === null) throw new RangeError('There is no file');
  const checked = envsOfFeeds(file, { TWELVEDATA_KEY: 'key' });
  await expect(checked).rejects.toThrow(StartError);
  await expect(checked).rejects.toThrow(
    'kandle.config.json: feeds.1.settings.SILENCE_SM: ingest has no such variable\n' +
      'kandle.config.json: feeds.1: ',
  );
  await expect(checked).rejects.toThrow(/MAX_CONNECTIONS: expected a whole number from 1 to 10000/);
  await expect(checked).rejects.toThrow(/SILENCE_MS: expected whole milliseconds above 0/);
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
  [
    { feeds: [{ ...TWELVEDATA, settings: { TWELVEDATA_KEY: 'secret' } }] },
    'feeds.0.settings.TWELVEDATA_KEY: a key stands in the environment',
  ],
  [{ feeds: [TWELVEDATA, TWELVEDATA] }, 'two feeds have the same name'],
  [{ feeds: [TWELVEDATA], color: 1 }, 'Unrecognized key: "color"'],
])('readFeedsFile() says where %j is wrong', (content, message) => {
  expect(() => readFeedsFile(write(content))).toThrow(StartError);
  expect(() => readFeedsFile(write(content))).toThrow(message);
});
