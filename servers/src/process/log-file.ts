import { copyFileSync, mkdirSync, openSync, renameSync, rmSync, statSync, truncateSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** A log grows to this before its older half moves aside, so one server keeps at most twice this on disk. */
const maxBytes = 32 * 1024 * 1024;
const checkEveryMs = 10_000;

/**
 * Opens a new log file for a child's output and moves the one of the last run to `<path>.1`.
 *
 * The child writes to the file itself: its log goes on when we are killed, and costs us nothing.
 *
 * @returns A descriptor in append mode, which `boundLog` relies on.
 */
export function openLog(path: string): number {
  mkdirSync(dirname(path), { recursive: true });
  if (sizeOf(path) > 0) {
    rmSync(`${path}.1`, { force: true });
    renameSync(path, `${path}.1`);
  }
  return openSync(path, 'a');
}

/**
 * Keeps a log that a child is writing below 32 MB: copied to `<path>.1` and emptied. Returns what ends that.
 */
export function boundLog(path: string, limits = { maxBytes, checkEveryMs }): () => void {
  const timer = setInterval(() => {
    if (sizeOf(path) < limits.maxBytes) return;
    copyFileSync(path, `${path}.1`);
    truncateSync(path);
  }, limits.checkEveryMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** The last lines of a log that tell why a server ended: those of errors if there are any. */
export async function readLogTail(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const errors = lines.filter((line) =>
    /ERROR|FATAL|Exception|Caused by|Error:|Unrecognized|Could not/.test(line),
  );
  return (errors.length > 0 ? errors : lines)
    .slice(-6)
    .map((line) => `  ${line.slice(0, 300)}`)
    .join('\n');
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
