import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { describeError, FatalError } from '../errors.ts';
import { type ArchiveFile, hourOfName, type Manifest, MANIFEST_FILE, ManifestSchema } from './manifest.ts';
import { type ArchivedRecord, parseRecordLine } from './record-line.ts';

/** An hour of an archive. */
export interface ArchivedHour {
  readonly folder: string;
  readonly hourMs: number;
  readonly manifest: Manifest;
}

/**
 * The hours of a topic that an archive holds, oldest first; none where there is no such folder.
 *
 * @throws {FatalError} If a folder has no manifest that can be read: this archive did not write it.
 */
export async function readArchivedHours(root: string, topic: string): Promise<readonly ArchivedHour[]> {
  const names = await readdir(join(root, topic)).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw new FatalError(`Cannot read the archive ${root}: ${describeError(error)}`, { cause: error });
  });
  const hours = names.flatMap((name) => {
    const hourMs = hourOfName(name);
    return hourMs === null ? [] : [{ folder: join(root, topic, name), hourMs }];
  });
  return await Promise.all(
    hours
      .toSorted((a, b) => a.hourMs - b.hourMs)
      .map(async (hour) => ({ ...hour, manifest: await readManifest(hour.folder, topic) })),
  );
}

async function readManifest(folder: string, topic: string): Promise<Manifest> {
  const path = join(folder, MANIFEST_FILE);
  try {
    const manifest = ManifestSchema.parse(JSON.parse(await readFile(path, 'utf8')));
    if (manifest.topic !== topic) throw new Error(`it is of ${manifest.topic}`);
    return manifest;
  } catch (error) {
    throw new FatalError(`Cannot read ${path}: ${describeError(error)}`, { cause: error });
  }
}

/**
 * The records of a file of an hour, in order.
 *
 * @throws {FatalError} If the file is not what its manifest says: before the first record, if its bytes differ.
 */
export async function* readArchiveFile(
  { folder }: ArchivedHour,
  file: ArchiveFile,
): AsyncGenerator<ArchivedRecord> {
  const path = join(folder, file.name);
  const isWrong = (what: string, cause?: unknown): FatalError =>
    new FatalError(`Cannot read ${path}: ${what}`, { cause });
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash).catch((error: unknown) => {
    throw isWrong(describeError(error), error);
  });
  if (hash.digest('hex') !== file.sha256) throw isWrong('its bytes are not those of its manifest');
  let next = BigInt(file.from);
  const text = createReadStream(path).pipe(createGunzip());
  for await (const line of createInterface({ input: text, crlfDelay: Number.POSITIVE_INFINITY })) {
    const record = parseRecordLine(line);
    if (record.offset !== next) throw isWrong(`offset ${next} is missing`);
    next += 1n;
    yield record;
  }
  if (next !== BigInt(file.to)) throw isWrong(`it ends before offset ${file.to}`);
}
