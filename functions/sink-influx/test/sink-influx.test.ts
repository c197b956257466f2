import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { e8 } from '@kandle/market/number/fixed-point';
import { formatPoint, type Point } from '@kandle/market/sink/line-protocol';
import { formatTradeBatch } from '@kandle/market/trade/trade-batch';
import { PoisonError, RetryableError } from '@kandle/runtime/errors';
import { NO_COUNTER } from '@kandle/runtime/metrics';
import { freePort } from '@kandle/servers/ports/ports';
import { startFunction } from '@kandle/testkit/function-process';
import { receivedEvent } from '@kandle/testkit/received-event';
import { contentsOf, readInflux } from '@kandle/testkit/sink/influx-contents';
import { type InfluxServer, NO_INFLUX, startInflux } from '@kandle/testkit/sink/influx-server';
import { describeSink } from '@kandle/testkit/sink/sink-contract';
import { makeSinkRun } from '@kandle/testkit/sink/sink-events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSinkInflux } from '../src/handler.ts';
import type { InfluxApi } from '../src/write-request.ts';
import { createWriter, type LineWriter, type WriterSettings } from '../src/writer.ts';
import { PROTOCOL_TOKEN, type ProtocolServer, startProtocolServer } from './protocol-server.ts';

const SCRIPT = join(import.meta.dirname, '../src/index.ts');
const folder = mkdtempSync(join(tmpdir(), 'kandle-sink-influx-'));
const tokenFile = join(folder, 'token');
writeFileSync(tokenFile, `${PROTOCOL_TOKEN}\n`);
afterAll(() => rmSync(folder, { recursive: true }));

function writerTo(url: string, api: InfluxApi, changes: Partial<WriterSettings> = {}): LineWriter {
  return createWriter({
    url,
    api,
    token: undefined,
    database: 'kandle',
    org: 'kandle',
    // Few, so that an event needs several requests.
    maxPoints: 10,
    answerMs: 5_000,
    ...changes,
  });
}

const sink = (writer: LineWriter) => createSinkInflux({ writer, points: NO_COUNTER, refused: NO_COUNTER });

describe.skipIf(NO_INFLUX !== null)(`InfluxDB 1.x${NO_INFLUX ?? ''}`, () => {
  let server: InfluxServer;
  let writer: LineWriter;
  beforeAll(async () => {
    server = await startInflux(await freePort(), await freePort());
    writer = writerTo(server.url, 'v1');
  });
  afterAll(() => server.remove());

  describeSink('influx-one', () => ({
    handle: sink(writer),
    server,
    startProcess: async () =>
      startFunction(SCRIPT, await freePort(), { INFLUX_URL: server.url, INFLUX_API: 'v1' }),
    read: (feed) => readInflux(server, feed),
  }));

  test('the last point of a window is its newest version, by the query of the README', async () => {
    const { events, contents } = makeSinkRun('reader', 7);
    for (const event of events.toReversed()) await sink(writer)(receivedEvent(event));
    const rows = await server.query(
      `SELECT last(version) AS version, last(open) AS open, last(close) AS close, last(volume) AS volume
       FROM candles WHERE feed = 'reader' GROUP BY time(5s), symbol fill(none)`,
    );
    const wanted = contents.candles.map(({ symbol, start, version, open, close, volume }) => ({
      symbol,
      time: new Date(Number(start)).toISOString().replace('.000Z', 'Z'),
      version,
      open,
      close,
      volume,
    }));
    const sorted = (list: readonly object[]): readonly string[] =>
      list
        .map((row) => JSON.stringify(Object.entries(row).toSorted(([a], [b]) => (a < b ? -1 : 1))))
        .toSorted();
    expect(sorted(rows)).toEqual(sorted(wanted));
  });

  test('has a point of each trade, when 5,000 of a symbol in 10 batches have one millisecond and come twice', async () => {
    const events = Array.from({ length: 10 }, (_, n) =>
      formatTradeBatch({
        shard: 'twins-00',
        epoch: 1,
        sequence: 95 + n,
        watermarkMs: 0,
        ingestTimeMs: 0,
        trades: Array.from({ length: 500 }, (__, index) => ({
          id: `${n}.${index}`,
          symbol: 'TWIN',
          eventTimeMs: 1_764_000_000_001,
          priceE8: e8(100_000_000n),
          sizeE8: e8(100_000_000n),
        })),
      }),
    );
    const large = sink(writerTo(server.url, 'v1', { maxPoints: 5_000 }));
    for (const event of [...events, ...events]) await large(receivedEvent(event));
    const [counted] = await server.query("SELECT count(price) FROM trades WHERE feed = 'twins'");
    expect(counted?.['count']).toBe(5_000);
  });

  test('reads every hard text as it was written', async () => {
    const texts = [
      'a,b',
      'a b',
      'a=b',
      String.raw`C:\x`,
      String.raw`a\,b`,
      'end\\',
      '"quoted"',
      '🚀',
      'a\nb',
    ];
    const points = texts.map(
      (text, n): Point => ({
        measurement: 'hard',
        tags: { symbol: text },
        fields: { text, n: BigInt(n) },
        timeNs: BigInt(n),
      }),
    );
    expect(await writer.write(points.map(formatPoint))).toEqual([]);
    const rows = await server.query('SELECT n, symbol, text FROM hard');
    expect(rows.map(({ symbol, text }) => [symbol, text])).toEqual(
      texts.map((text) => [
        text.replace('\n', ' ').replace(String.raw`\,`, '＼,').replace(/\\$/, '＼'),
        text.replace('\n', ' '),
      ]),
    );
  });

  test('tells of what InfluxDB refuses, and has written the rest', async () => {
    await writer.write(['conflict,symbol=A x=1 1']);
    const refusals = await writer.write(['conflict,symbol=A x="text" 2', 'conflict,symbol=A x=3 3']);
    expect(refusals).toEqual([expect.stringMatching(/^400 partial write: field type conflict.*dropped=1$/)]);
    const rows = await server.query('SELECT x FROM conflict');
    expect(rows.map(({ x }) => x)).toEqual([1, 3]);
  });

  test('answers what can be tried again, when the database is not there yet', async () => {
    const nowhere = writerTo(server.url, 'v1', { database: 'nowhere' });
    await expect(nowhere.write(['m a=1 1'])).rejects.toThrow(/404 database not found/);
  });
});

describe.each(['v2', 'v3'] as const)('a server of the protocol of InfluxDB %s', (api) => {
  let server: ProtocolServer;
  let writer: LineWriter;
  beforeAll(async () => {
    server = await startProtocolServer(api);
    writer = writerTo(server.url, api, { token: PROTOCOL_TOKEN });
  });
  afterAll(() => server.kill());

  describeSink(`influx-${api}`, () => ({
    handle: sink(writer),
    server,
    startProcess: async () =>
      startFunction(SCRIPT, await freePort(), {
        INFLUX_URL: server.url,
        INFLUX_API: api,
        INFLUX_TOKEN_FILE: tokenFile,
      }),
    read: (feed) => {
      const points = server.points().filter(({ tags }) => tags['feed'] === feed);
      return Promise.resolve(
        contentsOf(
          points.map(({ measurement, tags, fields, timeNs }) => ({
            measurement,
            timeNs,
            timeMs: Number(timeNs / 1_000_000n),
            columns: {
              ...tags,
              ...Object.fromEntries(
                Object.entries(fields).map(([name, value]) => [
                  name,
                  typeof value === 'bigint' ? Number(value) : value,
                ]),
              ),
            },
          })),
        ),
      );
    },
  }));

  test('a partial write is given up by name, with the server’s reason, and the rest is there', async () => {
    const { events } = makeSinkRun(`partial${api}`, 8);
    const [event] = events;
    if (event === undefined) throw new Error('no event');
    server.refuse('AAPL');
    const refused = sink(writer)(receivedEvent(event));
    await expect(refused).rejects.toThrow(PoisonError);
    await expect(refused).rejects.toThrow(/400 partial write/);
    server.refuse(null);
    const there = (): readonly Point[] =>
      server.points().filter(({ tags }) => tags['feed'] === `partial${api}`);
    expect(there().length).toBeGreaterThan(0);
    expect(there().some(({ tags }) => tags['symbol'] === 'AAPL')).toBe(false);
  });

  test('an answer without an end is not read to its end', async () => {
    server.neverEnd();
    const [reason] = await writer.write(['m a=1 1']);
    expect(reason).toMatch(/^400 x{296}$/);
  });

  test.each([200, 301, 401, 404, 408, 429, 500, 503])(
    '%i is no yes: the event comes again',
    async (status) => {
      server.answer(status, 1);
      await expect(writer.write(['m a=1 1'])).rejects.toThrow(RetryableError);
    },
  );
});
