import { createHash, type Hash, randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readdirSync, statSync, writeSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type ArchiveFile, hourName, type Manifest, MANIFEST_FILE } from '@kandle/runtime/archive/manifest';
import { type ArchivedRecord, formatRecordLine } from '@kandle/runtime/archive/record-line';
import { describeError, RetryableError } from '@kandle/runtime/errors';

/** Writes the files of one hour into a folder that nobody takes for an hour until all of it is there. */
export interface HourWriter {
  /**
   * The next record of a partition; its offsets follow each other. @throws {RetryableError} If one is missing.
   */
  take(partition: number, record: ArchivedRecord): void;
  /**
   * Ends the files, writes the manifest, and gives the folder the name of its hour, all at once.
   *
   * @throws {RetryableError} If a partition is not whole, or another process was first.
   */
  publish(about: Omit<Manifest, 'version' | 'files' | 'records'>): Promise<Manifest>;
  /** Removes what was written, if it was not published. */
  discard(): Promise<void>;
}

/** A partition's part of an hour. */
export interface HourRange {
  readonly partition: number;
  readonly from: bigint;
  readonly to: bigint;
}

/** Text that is compressed together: each piece is a gzip file by itself, and so are all of them in a row. */
const PIECE_CHARACTERS = 1_048_576;
/** Begins the name of a folder that is not published. */
const UNFINISHED = 'unfinished-';
/**
 * What a killed process left behind is removed after that; a living one may still write into a younger folder.
 */
const LEFT_BEHIND_MS = 24 * 3_600_000;

interface OpenFile {
  readonly range: HourRange;
  readonly name: string;
  readonly descriptor: number;
  readonly hash: Hash;
  next: bigint;
  bytes: number;
  waiting: string[];
  characters: number;
}

/** Begins an hour of an archive. */
export async function openHour(
  topicFolder: string,
  hourMs: number,
  ranges: readonly HourRange[],
): Promise<HourWriter> {
  await mkdir(topicFolder, { recursive: true });
  await removeLeftBehind(topicFolder);
  const folder = join(topicFolder, `${UNFINISHED}${hourName(hourMs)}-${randomUUID()}`);
  await mkdir(folder);
  const inOrder = ranges.toSorted((a, b) => a.partition - b.partition);
  const files = new Map(inOrder.map((range) => [range.partition, openFile(folder, range)]));
  let isOpen = true;

  function closeAll(): void {
    if (!isOpen) return;
    isOpen = false;
    for (const { descriptor } of files.values()) closeSync(descriptor);
  }

  return {
    take(partition, record) {
      const file = files.get(partition);
      if (file === undefined || record.offset !== file.next)
        throw new RetryableError(
          `Cannot archive: partition ${partition} has offset ${record.offset} after ${(file?.next ?? 0n) - 1n}`,
        );
      file.next += 1n;
      const line = formatRecordLine(record);
      file.waiting.push(line);
      file.characters += line.length;
      if (file.characters >= PIECE_CHARACTERS) writePiece(file);
    },
    async publish(about) {
      for (const file of files.values()) {
        if (file.next !== file.range.to)
          throw new RetryableError(
            `Cannot archive: partition ${file.range.partition} ended at ${file.next}, not ${file.range.to}`,
          );
        writePiece(file);
        fsyncSync(file.descriptor);
      }
      const described = [...files.values()].map(describeFile);
      closeAll();
      const manifest: Manifest = {
        version: 1,
        ...about,
        files: described,
        records: described.reduce((sum, { records }) => sum + records, 0),
      };
      writeWhole(join(folder, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`);
      syncFolder(folder);
      await rename(folder, join(topicFolder, hourName(hourMs))).catch((error: unknown) => {
        throw new RetryableError(`Cannot archive ${hourName(hourMs)}: ${describeError(error)}`, {
          cause: error,
        });
      });
      syncFolder(topicFolder);
      return manifest;
    },
    async discard() {
      closeAll();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function openFile(folder: string, range: HourRange): OpenFile {
  const name = `partition-${String(range.partition).padStart(2, '0')}.ndjson.gz`;
  return {
    range,
    name,
    descriptor: openSync(join(folder, name), 'wx'),
    hash: createHash('sha256'),
    next: range.from,
    bytes: 0,
    waiting: [],
    characters: 0,
  };
}

function writePiece(file: OpenFile): void {
  if (file.waiting.length === 0) return;
  const piece = gzipSync(file.waiting.join(''));
  file.waiting = [];
  file.characters = 0;
  writeAll(file.descriptor, piece);
  file.hash.update(piece);
  file.bytes += piece.length;
}

function describeFile({ range, name, bytes, hash }: OpenFile): ArchiveFile {
  return {
    name,
    partition: range.partition,
    from: String(range.from),
    to: String(range.to),
    records: Number(range.to - range.from),
    bytes,
    sha256: hash.digest('hex'),
  };
}

function writeWhole(path: string, text: string): void {
  const descriptor = openSync(path, 'wx');
  writeAll(descriptor, Buffer.from(text));
  fsyncSync(descriptor);
  closeSync(descriptor);
}

/** A disk that is full takes a part of what it is given, and says so the next time. */
function writeAll(descriptor: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(descriptor, bytes, done);
}

/** Makes names last through a power cut, not only what stands under them. */
function syncFolder(path: string): void {
  const descriptor = openSync(path, 'r');
  fsyncSync(descriptor);
  closeSync(descriptor);
}

async function removeLeftBehind(topicFolder: string): Promise<void> {
  const old = readdirSync(topicFolder).filter(
    (name) =>
      name.startsWith(UNFINISHED) && Date.now() - statSync(join(topicFolder, name)).mtimeMs > LEFT_BEHIND_MS,
  );
  await Promise.all(old.map((name) => rm(join(topicFolder, name), { recursive: true, force: true })));
}
