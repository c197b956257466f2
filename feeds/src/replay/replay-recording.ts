import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { pipeline, Writable } from 'node:stream';
import { pipeline as finish } from 'node:stream/promises';
import { constants, createGunzip } from 'node:zlib';
import { readSymbol } from '@kandle/market/event/symbol';
import { frameReader, vendorOfFrame } from '@kandle/market/feed/vendor';
import { type RecordingSource, readSourceLine, sourceOfVendor } from '@kandle/market/feed/recording-source';
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

/** A recording: a file, or its parts in their order. */
export type RecordingFiles = string | readonly string[];

/** What is in a recording. */
export interface RecordingSummary {
  /** Whose frames they are. */
  readonly source: RecordingSource;
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
 * @throws {FatalError} Naming file and line, if one cannot be read or is no recording.
 */
export async function* readRecording(
  files: RecordingFiles,
  source: RecordingSource,
  from = 0,
  onCut: (file: string, lineNumber: number) => void = () => undefined,
): AsyncGenerator<RecordedFrame> {
  let index = 0;
  const read = source.vendor === 'finnhub' ? readFinnhub : readOf(source);
  for (const file of [files].flat()) {
    let lineNumber = 0;
    try {
      for await (const { text, isEnded } of readLines(file)) {
        lineNumber += 1;
        if (text.trim() === '' || isSourceLine(text, source)) continue;
        if (!isEnded && !isJson(text)) {
          onCut(file, lineNumber);
          break;
        }
        if (index >= from) yield parseLine(text, read);
        index += 1;
      }
    } catch (error) {
      const line = error instanceof SyntaxError ? lineNumber : lineNumber + 1;
      throw new FatalError(`Cannot read the recording ${file}: line ${line}: ${describeError(error)}`, {
        cause: error,
      });
    }
  }
}

/** True if the line says whose frames follow. @throws {SyntaxError} If they are another vendor's. */
function isSourceLine(text: string, { vendor }: RecordingSource): boolean {
  const told = readSourceLine(text);
  if (told !== null && told.vendor !== vendor)
    throw new SyntaxError(`frames of ${told.vendor} follow on those of ${vendor}`);
  return told !== null;
}

/**
 * Reads a whole recording once.
 *
 * @throws {FatalError} If it cannot be read, or holds no trade of any symbol.
 */
export async function surveyRecording(files: RecordingFiles): Promise<RecordingSummary> {
  const all = [files].flat();
  const symbols = new Set<string>();
  let frameCount = 0;
  let tradeCount = 0;
  const cutLines = new Map<string, number>();
  const source = await readSource(all[0] ?? '');
  const noteCut = (file: string, lineNumber: number): void => void cutLines.set(file, lineNumber);
  for await (const frame of readRecording(all, source, 0, noteCut)) {
    frameCount += 1;
    tradeCount += frame.trades;
    for (const symbol of frame.symbols) symbols.add(symbol);
  }
  if (symbols.size === 0) throw new FatalError(`Cannot replay ${all.join(', ')}: it holds no trade`);
  const cuts: string[] = [];
  for (const file of all) {
    const cut = await describeCut(file, cutLines.get(file) ?? null);
    if (cut !== null) cuts.push(all.length === 1 ? cut : `${basename(file)}: ${cut}`);
  }
  const leftOut = cuts.length === 0 ? null : cuts.join('; ');
  return { source, symbols: [...symbols], frameCount, tradeCount, leftOut };
}

/** Frames at the beginning of a recording by which its vendor is recognised, if it does not say it. */
const LOOKED_AT = 20;

/** Whose frames it holds: its first line says it, or its first frames look like a vendor's; else Finnhub's. */
async function readSource(file: string): Promise<RecordingSource> {
  const source = sourceOfVendor('finnhub');
  let lines = 0;
  try {
    for await (const { text } of readLines(file)) {
      const told = lines === 0 ? readSourceLine(text) : null;
      if (told !== null) return told;
      const { frame }: { readonly frame?: unknown } = isJson(text) ? Object(JSON.parse(text)) : {};
      const vendor = vendorOfFrame(typeof frame === 'string' ? frame : JSON.stringify(frame ?? null));
      if (vendor !== null) return sourceOfVendor(vendor);
      lines += 1;
      if (lines >= LOOKED_AT) break;
    }
  } catch {
    // Who reads the whole of it says what is wrong, and where.
  }
  return source;
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
function parseLine(line: string, read: ReadEntries): RecordedFrame {
  const parsed: unknown = JSON.parse(line);
  const { recv_ms: recvMs, frame, ...others }: Readonly<Record<string, unknown>> = { ...Object(parsed) };
  if (typeof recvMs !== 'number' || !Number.isFinite(recvMs))
    throw new SyntaxError('recv_ms is not a number');
  if (typeof frame === 'string') return { recvMs, text: frame, ...read(frame, null) };
  if (typeof frame !== 'object' || frame === null)
    throw new SyntaxError('frame is neither an object nor a string');
  // The text as it stands keeps what a second writing would lose: 1e309 becomes null.
  const prefix = Object.keys(others).length === 0 ? PREFIX.exec(line)?.[0] : undefined;
  const text =
    prefix === undefined ? JSON.stringify(frame) : line.slice(prefix.length).trimEnd().slice(0, -1).trimEnd();
  return { recvMs, text, ...read(text, frame) };
}

/** What is told of a frame's trades, from its text, or from what it was read to. */
type ReadEntries = (text: string, frame: object | null) => Pick<RecordedFrame, 'symbols' | 'trades'>;

const readFinnhub: ReadEntries = (_, frame) => told(frame === null ? [] : entriesOf(frame));

function readOf({ vendor, mapping }: RecordingSource): ReadEntries {
  const read = frameReader(vendor, mapping);
  return (text) => {
    const frame = read(text);
    return told(frame.kind === 'trade' ? frame.entries : []);
  };
}

function told(entries: readonly unknown[]): Pick<RecordedFrame, 'symbols' | 'trades'> {
  const symbols = new Set(
    entries.map((entry) => readSymbol(symbolOf(entry))).filter((symbol) => symbol !== null),
  );
  return { symbols: [...symbols], trades: entries.length };
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
