import { existsSync } from 'node:fs';
import type { RecordingSource } from '@kandle/market/feed/recording-source';
import { createRecording, type Recording } from './recording.ts';

/** When a part of a recording is full; null for never. */
export interface PartBounds {
  readonly maxBytes: number | null;
  readonly maxMs: number | null;
}

/** A recording, in one file or in parts. */
export interface RotatingRecording extends Recording {
  /** The file that is being written. */
  path(): string;
}

/** What a recording is made of. */
export interface RotatingOptions extends PartBounds {
  /** Of a recording in one file; parts are numbered: `x.jsonl.gz`, `x.00001.jsonl.gz`. */
  readonly path: string;
  readonly source: RecordingSource;
  readonly wallMs: () => number;
  /** Milliseconds that no clock that is set changes. */
  readonly monotonicMs: () => number;
  /** It cannot be written any more. */
  readonly onError: (error: Error) => void;
}

const FORM = /(\.jsonl(?:\.gz)?|\.gz)?$/;
const DIGITS = 5;

/**
 * A recording that begins now. In parts, each of them is a recording by itself, the last one as soon as it was
 * flushed; what earlier recorders have left under the same name stays, and the numbers go on.
 */
export function createRotatingRecording(options: RotatingOptions): RotatingRecording {
  const { path, source, maxBytes, maxMs, wallMs, monotonicMs, onError } = options;
  const isInParts = maxBytes !== null || maxMs !== null;
  const closing: Promise<void>[] = [];
  let number = 0;
  let framesBefore = 0;
  let bytesBefore = 0;
  let part = begin();

  function begin() {
    const at = isInParts ? nextPath() : path;
    return { at, sinceMs: monotonicMs(), recording: createRecording({ path: at, source, wallMs, onError }) };
  }

  function nextPath(): string {
    for (;;) {
      number += 1;
      const at = path.replace(FORM, (form) => `.${String(number).padStart(DIGITS, '0')}${form}`);
      if (!existsSync(at)) return at;
    }
  }

  function rotate(): void {
    const { recording, sinceMs } = part;
    const isFull =
      (maxBytes !== null && recording.bytes() >= maxBytes) ||
      (maxMs !== null && monotonicMs() - sinceMs >= maxMs);
    if (!isFull || recording.frames() === 0) return;
    framesBefore += recording.frames();
    closing.push(recording.close().then(() => void (bytesBefore += recording.bytes())));
    part = begin();
  }

  return {
    write: (text) => part.recording.write(text),
    flush() {
      part.recording.flush();
      rotate();
    },
    frames: () => framesBefore + part.recording.frames(),
    bytes: () => bytesBefore + part.recording.bytes(),
    path: () => part.at,
    async close() {
      await part.recording.close();
      await Promise.all(closing);
    },
  };
}
