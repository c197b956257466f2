import { existsSync, readFileSync } from 'node:fs';
import { FatalError } from './errors.ts';

/**
 * The content of a secret file, without the line break at its end. @throws {FatalError} If it cannot be read.
 */
export function readSecret(path: string, variable: string): string {
  if (!existsSync(path)) throw new FatalError(`Cannot start: ${variable} names a file that does not exist`);
  try {
    return readFileSync(path, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new FatalError(`Cannot start: the file of ${variable} cannot be read`, { cause: error });
  }
}

/**
 * Reads a secret file at every call, so that a changed password or authority is used without a restart: from
 * the next login on. While the file cannot be read, what was read last stays.
 *
 * @throws {FatalError} At once, if it cannot be read now.
 */
export function createSecretFile(path: string, variable: string): () => string {
  let last = readSecret(path, variable);
  return () => {
    try {
      last = readSecret(path, variable);
    } catch {
      // A Secret that is mounted is replaced in one step; a person who copies a file is not as careful.
    }
    return last;
  };
}

/**
 * A name that is given itself or in a file; the file wins, for a manifest gives the same name to all.
 *
 * @returns Null where neither is set.
 * @throws {FatalError} If the file cannot be read.
 */
export function createName(
  name: string | undefined,
  path: string | undefined,
  variable: string,
): (() => string) | null {
  if (path !== undefined) return createSecretFile(path, variable);
  return name === undefined ? null : () => name;
}
