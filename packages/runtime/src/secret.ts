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
