import { gzipSync } from 'node:zlib';
import { GENERATED_BARS, GENERATED_TRADES } from '@kandle/market/feed/ndjson/mapping';
import { formatSourceLine, sourceOfVendor } from '@kandle/market/feed/recording-source';
import { describe, expect, test } from 'vitest';
import { readRecording, surveyRecording } from '../src/replay/replay-recording.ts';
import { startReplayServer } from '../src/replay/replay-server.ts';
import { entry, fileOf, frame, line, manyLines } from './made-recording.ts';

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
