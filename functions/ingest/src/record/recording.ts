import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { constants, createGzip } from 'node:zlib';
import { formatSourceLine, type RecordingSource } from '@kandle/market/feed/recording-source';

/** A file of frames in the form that `npm start -- --replay` plays: compressed, a line each. */
export interface Recording {
  /** Adds a frame as it came; an empty text is none. */
  write(text: string): void;
  /** What was written until now can be read even if this process is killed. */
  flush(): void;
  frames(): number;
  /** Bytes of the file so far, compressed. */
  bytes(): number;
  /** Resolves when everything is in the file. */
  close(): Promise<void>;
}

/** What a file is made of. */
export interface RecordingOptions {
  readonly path: string;
  /** Whose frames come. */
  readonly source: RecordingSource;
  /** The recorder's clock. */
  readonly wallMs: () => number;
  /** The file cannot be written. */
  readonly onError: (error: Error) => void;
}

/** A recording that begins now; what the file held is gone. */
export function createRecording({ path, source, wallMs, onError }: RecordingOptions): Recording {
  const gzip = createGzip();
  const file = createWriteStream(path);
  file.on('error', onError);
  gzip.pipe(file);
  gzip.write(`${formatSourceLine(source)}\n`);
  let frames = 0;
  let isDirty = false;

  return {
    write(text) {
      if (text === '') return;
      gzip.write(`{"recv_ms":${wallMs()},"frame":${asJson(text)}}\n`);
      frames += 1;
      isDirty = true;
    },
    flush() {
      if (!isDirty) return;
      isDirty = false;
      gzip.flush(constants.Z_SYNC_FLUSH);
    },
    frames: () => frames,
    bytes: () => file.bytesWritten,
    async close() {
      gzip.end();
      await finished(file);
    },
  };
}

/** The frame as it stands, if it is an object of JSON on one line; else as a text. */
function asJson(text: string): string {
  if (!text.startsWith('{') || /[\r\n]/.test(text)) return JSON.stringify(text);
  try {
    JSON.parse(text);
    return text;
  } catch {
    return JSON.stringify(text);
  }
}
