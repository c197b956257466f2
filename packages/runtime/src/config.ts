import { existsSync } from 'node:fs';
import { loadEnvFile } from 'node:process';
import { z } from 'zod';
import { FatalError } from './errors.ts';

/** Environment variables as a process sees them; tests pass their own. */
export type Env = Readonly<Record<string, string | undefined>>;

/** Whole milliseconds above 0, in a variable named `…_MS`. */
export const positiveMs = z
  .string()
  .regex(/^[1-9]\d{0,14}$/, 'expected whole milliseconds above 0')
  .transform(Number);

/**
 * Whole milliseconds of one request or of the end of its process: below the service's `timeoutSeconds`, which
 * would cut it off. The check of the manifests sees to that.
 */
export function requestBudgetMs(defaultMs: number) {
  return positiveMs.default(defaultMs).meta({ isRequestBudget: true });
}

/** A whole number within bounds, as text. */
export function wholeNumber(min: number, max: number) {
  return z
    .string()
    .regex(/^\d{1,15}$/, 'expected a whole number')
    .transform(Number)
    .refine((value) => value >= min && value <= max, `expected a whole number from ${min} to ${max}`);
}

/** A TCP port to listen on. */
export const port = wholeNumber(1, 65_535);

/** Values separated by commas, blanks around them ignored; at least one. */
export const commaList = z
  .string()
  .transform((text) =>
    text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  )
  .refine((parts) => parts.length > 0, 'expected at least one value');

/** The level of a process's log. */
export const logLevel = z.enum(['debug', 'info', 'warn', 'error', 'silent']);

/**
 * Reads a process's configuration once, at start.
 *
 * An empty variable counts as absent, so that `NAME=` in a manifest or `.env` means the default.
 *
 * @throws {FatalError} Naming every missing or malformed variable, never its value.
 */
export function readEnv<T>(schema: z.ZodType<T>, env: Env): T {
  const present = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = schema.safeParse(present);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => {
    const name = issue.path.join('.') || 'configuration';
    const absent = present[name] === undefined && issue.path.length > 0;
    return `${name}: ${absent ? 'is not set' : issue.message}`;
  });
  throw new FatalError(`Cannot start: ${faults.join('; ')}`);
}

/**
 * Loads a `.env` file into `process.env`, if there is one; variables that are set already win.
 *
 * @throws {FatalError} If the file cannot be read or has a line that is neither a comment nor `NAME=value`.
 */
export function loadDotEnv(path: string, readText: (path: string) => string): void {
  if (!existsSync(path)) return;
  let text: string;
  try {
    text = readText(path);
  } catch (error) {
    throw new FatalError(`Cannot read ${path}: check that it is a readable file`, { cause: error });
  }
  const bad = text
    .split(/\r?\n/)
    .findIndex((line) => !/^[ \t]*(#.*|(export[ \t]+)?[A-Za-z_]\w*[ \t]*=.*)?$/.test(line));
  if (bad >= 0) {
    throw new FatalError(`Cannot read ${path}: line ${bad + 1} is neither a comment nor NAME=value`);
  }
  loadEnvFile(path);
}
