import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline, Writable } from 'node:stream';
import { pipeline as finish } from 'node:stream/promises';
import { constants, createGunzip } from 'node:zlib';
import { readSymbol } from '@kandle/market/event/symbol';
import { describeError, FatalError } from '@kandle/runtime/errors';

/** A line of a recording: a frame as the feed sent it, and when the recorder received it. */
export interface RecordedFrame {
  readonly recvMs: number;
  /** The frame's text as it stands in the file. */
  readonly text: string;
  /** Symbols of its trades, each once; what is no symbol is left out. */
  readonly symbols: readonly string[];
  /** Number of entries, if it is a frame of trades. */
  readonly trades: number;
}

/** What is in a recording. */
export interface RecordingSummary {
  /** In order of first appearance. */
  readonly symbols: readonly string[];
  readonly frameCount: number;
  readonly tradeCount: number;
  /** What of the file is not played, because it ends in the middle; null if it is whole. */
  readonly leftOut: string | null;
}

const MAX_LINE_CHARACTERS = 67_108_864;
const BYTE_ORDER_MARK = '\u{FEFF}';
const GZIP_MAGIC = [0x1f, 0x8b];
const PREFIX = /^\s*\{\s*"recv_ms"\s*:\s*[-+.\deE]+\s*,\s*"frame"\s*:\s*/;

/**
 * The frames of a recording in order, from the n-th on: lines `{"recv_ms":…,"frame":{…}}`, gzip or not. A
 * `frame` that is a string stands for a text that is no JSON object. Empty lines are passed over, and so are a
 * byte order mark and the end of a file that was cut: the last line where it is not whole, and what is missing
 * of a compressed file.
 *
 * @throws {FatalError} Naming the line, if the file cannot be read or is no recording.
 */
export async function* readRecording(
  file: string,
  from = 0,
  onCut: (lineNumber: number) => void = () => undefined,
): AsyncGenerator<RecordedFrame> {
  let index = 0;
  let lineNumber = 0;
  try {
    for await (const { text, isEnded } of readLines(file)) {
      lineNumber += 1;
      if (text.trim() === '') continue;
      if (!isEnded && !isJson(text)) {
        onCut(lineNumber);
        return;
      }
      if (index >= from) yield parseLine(text);
      index += 1;
    }
  } catch (error) {
    const line = error instanceof SyntaxError ? lineNumber : lineNumber + 1;
    throw new FatalError(`Cannot read the recording ${file}: line ${line}: ${describeError(error)}`, {
      cause: error,
    });
  }
}

/**
 * Reads a whole recording once.
 *
 * @throws {FatalError} If it cannot be read, or holds no trade of any symbol.
 */
export async function surveyRecording(file: string): Promise<RecordingSummary> {
  const symbols = new Set<string>();
  let frameCount = 0;
  let tradeCount = 0;
  let cutLine: number | null = null;
  const noteCut = (lineNumber: number): void => {
    cutLine = lineNumber;
  };
  for await (const frame of readRecording(file, 0, noteCut)) {
    frameCount += 1;
    tradeCount += frame.trades;
    for (const symbol of frame.symbols) symbols.add(symbol);
  }
  if (symbols.size === 0) throw new FatalError(`Cannot replay ${file}: it holds no trade`);
  return { symbols: [...symbols], frameCount, tradeCount, leftOut: await describeCut(file, cutLine) };
}

async function describeCut(file: string, cutLine: number | null): Promise<string | null> {
  const facts = [
    ...(cutLine === null ? [] : [`it ends in the middle of line ${cutLine}`]),
    ...((await isGzip(file)) && !(await isWholeGzip(file))
      ? ['the end of the compressed file is missing']
      : []),
  ];
  return facts.length === 0 ? null : facts.join(', and ');
}

interface Line {
  readonly text: string;
  /** True if a line break follows. */
  readonly isEnded: boolean;
}

async function* readLines(file: string): AsyncGenerator<Line> {
  const isCompressed = await isGzip(file);
  const raw = createReadStream(file);
  // Gives out what there is of a file that was cut. The pipeline destroys both streams on another error.
  const gunzip = createGunzip({ finishFlush: constants.Z_SYNC_FLUSH });
  const stream = isCompressed ? pipeline(raw, gunzip, () => undefined) : raw;
  stream.setEncoding('utf8');
  let rest = '';
  let isFirst = true;
  for await (const chunk of stream) {
    const text = String(chunk);
    const lines = (rest + (isFirst && text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text)).split('\n');
    isFirst = false;
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE_CHARACTERS) throw new RangeError('longer than any frame');
    for (const line of lines) yield { text: line, isEnded: true };
  }
  if (rest !== '') yield { text: rest, isEnded: false };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** True if the file can be decompressed to its end. */
async function isWholeGzip(file: string): Promise<boolean> {
  try {
    await finish(createReadStream(file), createGunzip(), new Writable({ write: (_, __, done) => done() }));
    return true;
  } catch {
    return false;
  }
}

async function isGzip(file: string): Promise<boolean> {
  const handle = await open(file);
  try {
    const { buffer } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    return GZIP_MAGIC.every((byte, index) => buffer[index] === byte);
  } finally {
    await handle.close();
  }
}

/** @throws {SyntaxError} If the line is no recorded frame. */
function parseLine(line: string): RecordedFrame {
  const parsed: unknown = JSON.parse(line);
  const { recv_ms: recvMs, frame, ...others }: Readonly<Record<string, unknown>> = { ...Object(parsed) };
  if (typeof recvMs !== 'number' || !Number.isFinite(recvMs))
    throw new SyntaxError('recv_ms is not a number');
  if (typeof frame === 'string') return { recvMs, text: frame, symbols: [], trades: 0 };
  if (typeof frame !== 'object' || frame === null)
    throw new SyntaxError('frame is neither an object nor a string');
  const entries = entriesOf(frame);
  const symbols = new Set(
    entries.map((entry) => readSymbol(symbolOf(entry))).filter((symbol) => symbol !== null),
  );
  // The text as it stands keeps what a second writing would lose: 1e309 becomes null.
  const prefix = Object.keys(others).length === 0 ? PREFIX.exec(line)?.[0] : undefined;
  const text =
    prefix === undefined ? JSON.stringify(frame) : line.slice(prefix.length).trimEnd().slice(0, -1).trimEnd();
  return { recvMs, text, symbols: [...symbols], trades: entries.length };
}

/** The entries of a frame of trades; of any other frame none. */
export function entriesOf(frame: object): readonly unknown[] {
  const { type, data }: { readonly type?: unknown; readonly data?: unknown } = frame;
  return type === 'trade' && Array.isArray(data) ? data : [];
}

/** The symbol that an entry names, whatever it is. */
export function symbolOf(entry: unknown): unknown {
  const { s }: { readonly s?: unknown } = Object(entry);
  return s;
}
