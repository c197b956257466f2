import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { type ReplayOptions, startReplayServer } from '../src/replay/replay-server.ts';
import { entry, fileOf, frame, line, manyLines } from './made-recording.ts';

const RECORDING = join(import.meta.dirname, '../../../shared/data/finnhub_frames_from_binance_spot.jsonl.gz');
const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

async function serve(
  content: string | Buffer,
  speed: ReplayOptions['speed'] = 'max',
  onProgress: (line: string) => void = () => undefined,
) {
  const server = await startReplayServer({ file: fileOf(content), port: 0, speed, onProgress });
  cleanUps.push(() => server.close());
  return server;
}

function connect(url: string, symbols: readonly string[], path = '/?token=replay', maxPayload = 0) {
  const socket = new WebSocket(url + path, { maxPayload });
  const texts: string[] = [];
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
  });
  socket.on('error', () => undefined);
  socket.on('open', () => {
    for (const symbol of symbols) socket.send(JSON.stringify({ type: 'subscribe', symbol }));
  });
  socket.on('message', (data: Buffer) => texts.push(data.toString()));
  cleanUps.push(() => socket.terminate());
  /** Prices of the trades seen: their numbers. */
  const seen = (): number[] =>
    texts.flatMap((text) => {
      const { data }: { data?: { p: number }[] } = JSON.parse(text);
      return (data ?? []).map(({ p }) => p);
    });
  return { socket, texts, closed, seen };
}

const END = { code: 1000, reason: 'end of recording' };
const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);

describe('startReplayServer()', () => {
  test('plays every frame in order, and ends with code 1000', async () => {
    const server = await serve(gzipSync(manyLines(500, 1)));
    expect(server).toMatchObject({ symbols: ['A', 'B'], frameCount: 500, tradeCount: 500 });
    const client = connect(server.url, ['A', 'B']);
    expect(await client.closed).toEqual(END);
    expect(client.seen()).toEqual(upTo(500));
    await server.finished;
    expect(server.played()).toBe(500);
  });

  test('sends the text of a frame as it stands in the file', async () => {
    const odd = '{"data":[{"c":null,"p":1e309,"s":"A","t":1,"v":0.10}],"type":"trade"}';
    const server = await serve(
      `{"recv_ms":1,"frame":${odd}}\n\n${line(2, 'garbage')}${line(3, { type: 'news' })}`,
    );
    const client = connect(server.url, ['A']);
    await client.closed;
    expect(client.texts.slice(1)).toEqual([odd, 'garbage', '{"type":"news"}']);
  });

  test('begins only when all symbols are subscribed', async () => {
    const server = await serve(manyLines(4, 1));
    const client = connect(server.url, ['A']);
    await once(client.socket, 'open');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(client.texts).toEqual([]);
    client.socket.send('not JSON');
    client.socket.send('{"type":"subscribe","symbol":"B"}');
    expect(await client.closed).toEqual(END);
    expect(client.seen()).toEqual(upTo(4));
  });

  test('begins with what is subscribed, when a client asks for no more, and says what it leaves out', async () => {
    const server = await serve(manyLines(4, 1));
    const client = connect(server.url, ['A']);
    expect(await client.closed).toEqual(END);
    expect(client.seen()).toEqual([0, 2]);
    expect(server.leftOut()).toEqual(['symbols that nobody asked for: B']);
  });

  test('knows a symbol that the recording pads with blanks, and sends it as it stands', async () => {
    const server = await serve(line(0, frame(entry('AAPL    ', 0))) + line(1, frame(entry('B', 1))));
    const client = connect(server.url, ['AAPL', 'B']);
    expect(await client.closed).toEqual(END);
    expect(client.texts[1]).toContain('"AAPL    "');
    expect(client.seen()).toEqual([0, 1]);
    expect(server.leftOut()).toEqual([]);
  });

  test('gets past a frame that is more than its client takes, and says so', async () => {
    const big = { ...entry('A', 150), c: ['x'.repeat(20_000)] };
    const lines = manyLines(300, 1).trimEnd().split('\n');
    const content = [...lines.slice(0, 150), line(150, frame(big)).trimEnd(), ...lines.slice(150)].join('\n');
    const told: string[] = [];
    const server = await serve(content, 'max', (text) => told.push(text));
    const got: number[] = [];
    let code = 0;
    for (let n = 0; n < 5 && code !== 1000; n++) {
      const client = connect(server.url, ['A', 'B'], undefined, 10_000);
      ({ code } = await client.closed);
      got.push(...client.seen());
    }
    expect(code).toBe(1000);
    expect(new Set(got).size).toBe(300);
    expect(server.leftOut()).toEqual(['frame 150 with 1 trades: too big']);
    expect(told.filter((text) => text.includes('frame 150 is left out'))).toHaveLength(1);
  });

  test('leaves out what was unsubscribed', async () => {
    const lines = [
      line(0, frame(entry('A', 0), entry('B', 1))),
      line(300, frame(entry('A', 2), entry('B', 3))),
    ];
    const server = await serve(`${lines.join('')}${line(301, frame(entry('B', 4)))}`, 1);
    const client = connect(server.url, ['A', 'B']);
    await vi.waitFor(() => expect(client.seen()).toEqual([0, 1]));
    client.socket.send('{"type":"unsubscribe","symbol":"B"}');
    await client.closed;
    expect(client.seen()).toEqual([0, 1, 2]);
  });

  test('keeps the pace of the recording, with a ping for each quiet second', async () => {
    const server = await serve(line(0, frame(entry('A', 0))) + line(25_000, frame(entry('A', 1))), 10);
    const startedMs = performance.now();
    const client = connect(server.url, ['A']);
    await client.closed;
    expect(performance.now() - startedMs).toBeGreaterThan(2_450);
    expect(client.texts.filter((text) => text === '{"type":"ping"}')).toHaveLength(2);
  });

  test('tells the recorded time and how much of it has passed, at unlimited speed', async () => {
    const server = await serve(
      [0, 30_000, 30_999, 61_000, 200_000, 100_000].map((ms) => line(ms, frame(entry('A', ms)))).join(''),
    );
    const client = connect(server.url, ['A']);
    await client.closed;
    expect(client.texts.filter((text) => text.includes('ping'))).toEqual([
      '{"type":"ping","recv_ms":0}',
      '{"type":"ping","passed_ms":30000,"recv_ms":30000}',
      '{"type":"ping","passed_ms":31000,"recv_ms":61000}',
      '{"type":"ping","passed_ms":139000,"recv_ms":200000}',
      '{"type":"ping","recv_ms":100000}',
    ]);
  });

  test('goes on where a client left that said goodbye', async () => {
    const server = await serve(manyLines(60, 50), 1);
    const first = connect(server.url, ['A', 'B']);
    await vi.waitFor(() => expect(first.seen().length).toBeGreaterThan(30), 5_000);
    first.socket.close(1000);
    await first.closed;
    const second = connect(server.url, ['A', 'B']);
    expect(await second.closed).toEqual(END);
    const [begin = 0] = second.seen();
    // A ping a second proves what was received; what came since is sent again.
    expect(begin).toBeGreaterThan(10);
    expect(new Set([...first.seen(), ...second.seen()]).size).toBe(60);
  });

  test('loses nothing, when the client vanishes at any moment', async () => {
    const server = await serve(manyLines(3_000, 1));
    const got = new Set<number>();
    for (let n = 0; n < 3; n++) {
      const client = connect(server.url, ['A', 'B']);
      await vi.waitFor(() => expect(client.texts.length).toBeGreaterThan(10), { interval: 1 });
      client.socket.terminate();
      // A client that was killed has lost what it held: the last of what it had received.
      for (const number of client.seen().slice(0, -5)) got.add(number);
    }
    const last = connect(server.url, ['A', 'B']);
    expect(await last.closed).toEqual(END);
    for (const number of last.seen()) got.add(number);
    expect(got.size).toBe(3_000);
  });

  test('gives a later client the end again', async () => {
    const server = await serve(manyLines(10, 1));
    expect(await connect(server.url, ['A', 'B']).closed).toEqual(END);
    expect(await connect(server.url, ['A', 'B']).closed).toEqual(END);
    expect(server.played()).toBe(10);
  });

  test('lets a newer connection take the place of the older one', async () => {
    const server = await serve(manyLines(40, 25), 1);
    const first = connect(server.url, ['A', 'B']);
    await vi.waitFor(() => expect(first.seen().length).toBeGreaterThan(3));
    const second = connect(server.url, ['A', 'B']);
    await first.closed;
    expect(await second.closed).toEqual(END);
    expect(new Set([...first.seen(), ...second.seen()]).size).toBe(40);
  });

  test('waits for a client that reads slowly', async () => {
    const long = 'x'.repeat(10_000);
    const server = await serve(
      Array.from({ length: 3_000 }, (_, n) => line(n, frame({ ...entry('A', n), c: [long] }))).join(''),
    );
    const client = connect(server.url, ['A']);
    await vi.waitFor(() => expect(client.texts.length).toBeGreaterThan(0));
    client.socket.pause();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(server.played()).toBeLessThan(3_000);
    client.socket.resume();
    expect(await client.closed).toEqual(END);
    expect(client.seen()).toEqual(upTo(3_000));
  });

  test('refuses a client without a key', async () => {
    const server = await serve(manyLines(2, 1));
    const client = connect(server.url, [], '/');
    const failure = new Promise<Error>((resolve) => client.socket.on('error', resolve));
    expect((await failure).message).toContain('401');
  });

  test.skipIf(!existsSync(RECORDING))(
    'plays the recorded Binance trades (skipped without ../shared/data)',
    async () => {
      const server = await startReplayServer({ file: RECORDING, port: 0, speed: 'max' });
      cleanUps.push(() => server.close());
      expect(server).toMatchObject({
        symbols: ['BINANCE:BTCUSDT', 'BINANCE:ETHUSDT'],
        frameCount: 7_769,
        tradeCount: 34_419,
      });
      const client = connect(server.url, server.symbols);
      expect(await client.closed).toEqual(END);
      expect(client.seen()).toHaveLength(34_419);
    },
  );
});
