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
  /** Resolves when everything is in the file. */
  close(): Promise<void>;
}

/**
 * A recording that begins now; what the file held is gone.
 *
 * @param source Whose frames come.
 * @param wallMs The recorder's clock.
 */
export function createRecording(path: string, source: RecordingSource, wallMs: () => number): Recording {
  const gzip = createGzip();
  const file = createWriteStream(path);
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
