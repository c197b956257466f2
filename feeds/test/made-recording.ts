import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A recording of a test, removed at its end. */
export function fileOf(content: string | Buffer): string {
  const folder = mkdtempSync(join(tmpdir(), 'kandle-replay-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'recording');
  writeFileSync(file, content);
  return file;
}

/** The n-th trade of a symbol; its price is its number. */
export const entry = (s: string, n: number) => ({ c: null, p: n, s, t: 1_723_161_255_000 + n, v: 1 });
export const frame = (...entries: unknown[]) => ({ data: entries, type: 'trade' });
/** A line of a recording. */
export const line = (recvMs: number, content: unknown) =>
  `${JSON.stringify({ recv_ms: recvMs, frame: content })}\n`;
/** Lines of a trade each, of A and B by turns. */
export const manyLines = (count: number, stepMs: number) =>
  Array.from({ length: count }, (_, n) => line(n * stepMs, frame(entry(n % 2 === 0 ? 'A' : 'B', n)))).join(
    '',
  );
