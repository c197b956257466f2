import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startHistoryServer } from '@kandle/feeds/finnhub/history-server';
import { expect, onTestFinished, test } from 'vitest';
import { readConfig } from '../src/config.ts';
import { readRecordingHistory } from '../src/recording-history.ts';
import { createVendorHistory } from '../src/vendor-history.ts';

const BEGIN_MS = Date.UTC(2026, 10, 23, 15);
const DAY_MS = 86_400_000;

/** A recording of one trade a second of the symbol A. */
function recordingOf(seconds: number): string {
  const folder = mkdtempSync(join(tmpdir(), 'kandle-histories-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const lines = Array.from({ length: seconds }, (_, n) => {
    const t = BEGIN_MS + n * 1_000;
    return JSON.stringify({
      recv_ms: t,
      frame: { type: 'trade', data: [{ s: 'A', p: 1, t, v: 1, c: null }] },
    });
  });
  const file = join(folder, 'all.jsonl');
  writeFileSync(file, ['{"recording":{"vendor":"finnhub"}}', ...lines, ''].join('\n'));
  return file;
}

const question = {
  shard: 'test-00',
  symbols: new Set(['A']),
  fromMs: BEGIN_MS + 10_000,
  toMs: BEGIN_MS + 19_999,
};

test('readRecordingHistory() has each trade once, however many gaps are of the same stretch', async () => {
  const options = {
    files: [recordingOf(60)],
    feed: 'test',
    shardCount: 1,
    format: undefined,
    maxTrades: 100,
  };
  const history = await readRecordingHistory(options, [question, { ...question }]);
  expect((await history.read(question)).records).toHaveLength(10);
});

test('readRecordingHistory() holds no more trades of all gaps together than it is told', async () => {
  const options = { files: [recordingOf(60)], feed: 'test', shardCount: 1, format: undefined, maxTrades: 19 };
  const other = { ...question, fromMs: question.toMs + 1, toMs: question.toMs + 10_000 };
  await expect(readRecordingHistory(options, [question, other])).rejects.toThrow(
    'more than 19 trades of these gaps; take fewer at once',
  );
});

test("Finnhub's history is asked for every day of a gap", async () => {
  const past = Array.from({ length: 5 }, (_, day) => ({
    symbol: 'A',
    eventTimeMs: BEGIN_MS + day * DAY_MS,
    price: 1,
    size: 1,
    conditions: [],
  }));
  const server = await startHistoryServer('secret-key', past);
  onTestFinished(() => server.close());
  const history = createVendorHistory(
    readConfig({
      KAFKA_BROKERS: '127.0.0.1:9',
      API_URL: server.url,
      FINNHUB_TOKEN: 'secret-key',
      REQUESTS_PER_MINUTE: '60000',
    }),
  );
  const whole = { ...question, fromMs: BEGIN_MS, toMs: BEGIN_MS + 4 * DAY_MS };
  const { records } = await history.read(whole);
  expect(records.map(({ t }) => t)).toEqual(past.map(({ eventTimeMs }) => eventTimeMs));
});
