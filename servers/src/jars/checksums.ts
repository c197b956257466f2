import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** SHA-256 (lower-case hex) of each file of a folder, by file name. */
export type Checksums = ReadonlyMap<string, string>;

/**
 * Reads a list as `sha256sum` writes it: one `<hex>  <name>` a line. @throws {RangeError} On any other line.
 */
export async function readChecksums(file: string): Promise<Checksums> {
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '');
  return new Map(
    lines.map((line) => {
      const [, digest, name] = /^([0-9a-f]{64}) {2}(\S+)$/.exec(line) ?? [];
      if (digest === undefined || name === undefined)
        throw new RangeError(`Cannot read ${file}: not a checksum: ${line}`);
      return [name, digest];
    }),
  );
}

/** True for what a list names: a jar, or an archive with jars in it. */
export function isListed(name: string): boolean {
  return name.endsWith('.jar') || name.endsWith('.tar.gz');
}

/**
 * What is wrong with the jars of a folder, one text each, naming the jar; empty if they are exactly the listed
 * ones.
 */
export async function findBadJars(folder: string, expected: Checksums): Promise<string[]> {
  const present = new Set((await readdir(folder)).filter(isListed));
  const problems: string[] = [];
  for (const [name, digest] of expected) {
    if (!present.has(name)) problems.push(`${name} is missing`);
    else if ((await hashFile(join(folder, name))) !== digest)
      problems.push(`${name} has another SHA-256 than the list`);
  }
  for (const name of present) if (!expected.has(name)) problems.push(`${name} is not on the list`);
  return problems;
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
