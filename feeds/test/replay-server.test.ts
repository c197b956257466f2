import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { createReplayPosition } from '../src/replay/replay-position.ts';
import { GENERATED_BARS, GENERATED_TRADES } from '@kandle/market/feed/ndjson/mapping';
import { formatSourceLine, sourceOfVendor } from '@kandle/market/feed/recording-source';
import { readRecording, surveyRecording } from '../src/replay/replay-recording.ts';
import { type ReplayOptions, startReplayServer } from '../src/replay/replay-server.ts';

const RECORDING = join(import.meta.dirname, '../../../shared/data/finnhub_frames_from_binance_spot.jsonl.gz');
const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

function fileOf(content: string | Buffer): string {
  const folder = mkdtempSync(join(tmpdir(), 'kandle-replay-'));
  cleanUps.push(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'recording');
  writeFileSync(file, content);
  return file;
}

const entry = (s: string, n: number) => ({ c: null, p: n, s, t: 1_723_161_255_000 + n, v: 1 });
const frame = (...entries: unknown[]) => ({ data: entries, type: 'trade' });
const line = (recvMs: number, content: unknown) => `${JSON.stringify({ recv_ms: recvMs, frame: content })}\n`;
const manyLines = (count: number, stepMs: number) =>
  Array.from({ length: count }, (_, n) => line(n * stepMs, frame(entry(n % 2 === 0 ? 'A' : 'B', n)))).join(
    '',
  );

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

describe('a recording', () => {
  test.each([
    ['{"recv_ms":1,"frame":{"type":"trade"', /line 2: /],
    ['{"recv_ms":1,"frame":"\u0000"}x', /line 2: /],
    ['{"recv_ms":"1","frame":{}}', /line 2: recv_ms is not a number/],
    ['{"recv_ms":1,"frame":5}', /line 2: frame is neither/],
    ['[]', /line 2: recv_ms/],
    ['5', /line 2: recv_ms/],
  ])('with the line %s is refused with its number', async (bad, message) => {
    await expect(surveyRecording(fileOf(`${line(1, frame(entry('A', 1)))}${bad}\n`))).rejects.toThrow(
      message,
    );
  });

  test('that ends in the middle is played as far as it is whole, and says what is left out', async () => {
    const lines = manyLines(1_000, 1);
    const cutLine = lines.slice(0, lines.lastIndexOf('{"recv_ms"') + 20);
    expect(await surveyRecording(fileOf(cutLine))).toMatchObject({
      frameCount: 999,
      leftOut: 'it ends in the middle of line 1000',
    });
    const packed = gzipSync(lines);
    const cut = await surveyRecording(fileOf(packed.subarray(0, -100)));
    expect(cut.leftOut).toMatch(
      /^it ends in the middle of line \d+, and the end of the compressed file is missing$/,
    );
    expect(cut.frameCount).toBeGreaterThan(900);
    // Only the checksum is missing, and every line is there.
    expect(await surveyRecording(fileOf(packed.subarray(0, -8)))).toMatchObject({
      frameCount: 1_000,
      leftOut: 'the end of the compressed file is missing',
    });
    expect(await surveyRecording(fileOf(Buffer.concat([packed, packed])))).toMatchObject({
      frameCount: 2_000,
      leftOut: null,
    });
    const options = { file: fileOf(cutLine), port: 0, speed: 'max', strict: true } as const;
    await expect(startReplayServer(options)).rejects.toThrow(
      /Cannot replay .*: it ends in the middle of line 1000$/,
    );
  });

  test.each([
    ['twelvedata', '{"event":"price","symbol":"AAPL","price":1,"timestamp":1764000000}', 1],
    [
      'yahoo',
      '{"type":"pricing","message":"CgRBQVBMFexhnUMYkI6yi8VcKgNOTVMwCDgBRW68EkBItJzfEGXAwuFA2AEE"}',
      1,
    ],
    [
      'yahoo-poll',
      '{"quoteResponse":{"result":[{"symbol":"AAPL","regularMarketPrice":1},{"symbol":"X"}]}}',
      1,
    ],
    ['ndjson', '{"type":"trade","symbol":"AAPL","price":1,"size":1,"time":"2026-11-29T00:00:00Z"}', 1],
  ] as const)("of %s's frames says so, and what it holds", async (vendor, text, tradeCount) => {
    const source = { vendor, mapping: vendor === 'ndjson' ? GENERATED_TRADES : GENERATED_BARS };
    const frameLine = `{"recv_ms":1,"frame":${text}}\n`;
    const told = fileOf(`${formatSourceLine(source)}\n${frameLine}`);
    expect(await surveyRecording(told)).toMatchObject({
      source,
      symbols: ['AAPL'],
      tradeCount,
      frameCount: 1,
    });
    // Without the line that says so, the frames do, where they can.
    if (vendor !== 'ndjson') expect(await surveyRecording(fileOf(frameLine))).toMatchObject({ source });
  });

  test('in parts is one, even where a part that was killed ends in the middle; parts of two vendors are none', async () => {
    const told = `${formatSourceLine(sourceOfVendor('finnhub'))}\n`;
    const [first, second] = [manyLines(1_000, 1), manyLines(1_000, 2_000)].map((lines) => told + lines);
    const cut = fileOf(gzipSync(first ?? '').subarray(0, -100));
    const rest = fileOf(second ?? '');
    const whole = await surveyRecording([fileOf(first ?? ''), rest]);
    expect(whole).toMatchObject({ frameCount: 2_000, symbols: ['A', 'B'], leftOut: null });
    const { frameCount, leftOut } = await surveyRecording([cut, rest]);
    expect(frameCount).toBeGreaterThan(1_900);
    expect(leftOut).toMatch(
      /: it ends in the middle of line \d+, and the end of the compressed file is missing$/,
    );
    const times: number[] = [];
    for await (const { recvMs } of readRecording([cut, rest], sourceOfVendor('finnhub'), frameCount - 1_000))
      times.push(recvMs);
    expect(times).toHaveLength(1_000);
    expect(times.slice(0, 2)).toEqual([0, 2_000]);
    const foreign = fileOf(`${formatSourceLine(sourceOfVendor('yahoo'))}\n`);
    await expect(surveyRecording([rest, foreign])).rejects.toThrow(
      /line 1: .*frames of yahoo follow on those of finnhub/,
    );
  });

  test('with a byte order mark and line ends of Windows is a recording', async () => {
    const content = `\u{FEFF}${manyLines(3, 1).replaceAll('\n', '\r\n')}`;
    expect(await surveyRecording(fileOf(content))).toEqual({
      source: sourceOfVendor('finnhub'),
      symbols: ['A', 'B'],
      frameCount: 3,
      tradeCount: 3,
      leftOut: null,
    });
    const texts: string[] = [];
    for await (const { text } of readRecording(fileOf(content), sourceOfVendor('finnhub'))) texts.push(text);
    expect(texts.every((text) => text.endsWith('}'))).toBe(true);
  });

  test('that is broken in the middle, missing or without a trade is refused', async () => {
    const broken = gzipSync(manyLines(1_000, 1));
    broken.fill(0xff, 1_000, 1_100);
    await expect(surveyRecording(fileOf(broken))).rejects.toThrow(/Cannot read the recording .*line/);
    await expect(surveyRecording('/nowhere/recording')).rejects.toThrow(/Cannot read the recording .*ENOENT/);
    await expect(surveyRecording(fileOf(''))).rejects.toThrow(/holds no trade/);
  });

  test('is read from any frame on, with spaces and other keys in its lines', async () => {
    const content = `${line(1, frame(entry('A', 1)))}\r\n { "recv_ms" : 2 , "frame" : {"type":"a"} } \r\n{"frame":{"type":"b"},"recv_ms":3,"x":1}`;
    const texts: string[] = [];
    for await (const { text } of readRecording(fileOf(content), sourceOfVendor('finnhub'), 1))
      texts.push(text);
    expect(texts).toEqual(['{"type":"a"}', '{"type":"b"}']);
  });
});

describe('createReplayPosition()', () => {
  test('sends again what a vanished client may have held, bounded in size and age', () => {
    const position = createReplayPosition();
    // A frame of 131,072 characters a second: 128 of them are 16 MiB, 240 of them are too old.
    for (let n = 0; n < 300; n++) expect(position.sent(n, 131_072, n * 1_000)).toBe(true);
    position.received(290);
    position.left('vanished', 300_000);
    expect(position.resumeFrom()).toBe(162);

    const slow = createReplayPosition();
    for (let n = 0; n < 300; n++) slow.sent(n, 100, n * 2_000);
    slow.received(290);
    slow.left('vanished', 600_000);
    expect(slow.resumeFrom()).toBe(181);
    slow.left('goodbye', 600_000);
    expect(slow.resumeFrom()).toBe(290);
  });
});
