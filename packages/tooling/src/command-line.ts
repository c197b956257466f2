import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { UsageError } from './command.ts';

export { UsageError };

/**
 * The values of a command's options, by name.
 *
 * @param command As it is typed, such as `npm run audit`.
 * @throws {UsageError} If there is an argument that is none of them.
 */
export function readOptions<const T extends ParseArgsOptionsConfig>(
  command: string,
  args: readonly string[],
  options: T,
) {
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('. ')[0] : String(error);
    throw new UsageError(`${reason}. See ${command} -- --help`, { cause: error });
  }
}

/** A whole number within bounds. @throws {UsageError} If it is none. */
export function parseWholeNumber(name: string, text: string, min: number, max: number): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max))
    throw new UsageError(`--${name} ${text}: expected a whole number from ${min} to ${max}`);
  return value;
}

const UNITS_MS: ReadonlyMap<string, number> = new Map([
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

/**
 * A length of time such as `90s`, `10m`, `2h` or `7d`, in milliseconds.
 *
 * @throws {UsageError} If it is none, or shorter than `minMs`.
 */
export function parseDuration(name: string, text: string, minMs = 1): number {
  const [, amount = '', unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const durationMs = Number(amount) * (UNITS_MS.get(unit) ?? Number.NaN);
  if (!(durationMs >= minMs))
    throw new UsageError(`--${name} ${text}: expected a duration such as 90s, 10m, 2h or 7d`);
  return durationMs;
}

/**
 * A point in time, in epoch milliseconds: ISO, epoch milliseconds, or how long ago.
 *
 * @throws {UsageError} If it is none.
 */
export function parseTime(name: string, text: string, nowMs: number): number {
  if (/^\d{12,14}$/.test(text)) return Number(text);
  if (/^\d{1,6}[smhd]$/.test(text)) return nowMs - parseDuration(name, text);
  const timeMs = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(timeMs))
    throw new UsageError(
      `--${name} ${text}: expected 2026-11-25T08:00Z, epoch milliseconds, or how long ago: 90s, 10m, 2h, 7d`,
    );
  return timeMs;
}
