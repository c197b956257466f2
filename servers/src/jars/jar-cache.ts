import { createHash } from 'node:crypto';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { isListed } from './checksums.ts';

/** Written last into a folder of verified jars: for which list, and the size of each jar. */
const markerName = 'verified.json';

const markerSchema = z.object({ list: z.string(), sizes: z.record(z.string(), z.number()) });

/**
 * Whether a folder holds the verified jars of this list.
 *
 * Compares names and sizes with what was hashed once: 145 `stat` calls instead of reading 110 MB at every
 * start.
 */
export async function areJarsVerified(folder: string, listFile: string): Promise<boolean> {
  try {
    const marker = markerSchema.parse(JSON.parse(await readFile(join(folder, markerName), 'utf8')));
    const sizes = await readSizes(folder);
    return (
      marker.list === (await digestList(listFile)) &&
      sizes.size === Object.keys(marker.sizes).length &&
      [...sizes].every(([name, bytes]) => marker.sizes[name] === bytes)
    );
  } catch {
    return false;
  }
}

/** Records that the jars of a folder have been checked against this list. */
export async function markVerified(folder: string, listFile: string): Promise<void> {
  const marker = { list: await digestList(listFile), sizes: Object.fromEntries(await readSizes(folder)) };
  await writeFile(join(folder, markerName), JSON.stringify(marker));
}

async function readSizes(folder: string): Promise<ReadonlyMap<string, number>> {
  const names = (await readdir(folder)).filter(isListed);
  return new Map(
    await Promise.all(names.map(async (name) => [name, (await stat(join(folder, name))).size] as const)),
  );
}

async function digestList(listFile: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(listFile))
    .digest('hex');
}
