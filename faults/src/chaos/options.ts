import { parseArgs } from 'node:util';

/** What `npm run chaos` was asked for. */
export interface ChaosOptions {
  readonly help: boolean;
  readonly seed: number;
  readonly minutes: number;
  /** Trades a second. */
  readonly rate: number;
  readonly symbols: number;
  /** Only faults whose name contains this. */
  readonly only: string | null;
  /** Prints the schedule and ends. */
  readonly list: boolean;
}

/** The text of `npm run chaos -- --help`. */
export const HELP = `Usage: npm run chaos -- [--seed N] [--minutes M] [--rate R] [options]

Starts the laptop stack (real Kafka, real Cassandra, all functions) in .kandle/chaos, which is emptied first, with a
simulated market as load, and lets one fault after the other befall it, as the seed decides. Then the market falls
silent, everything comes to rest, and the audit compares what is stored with what was sent. Exit code 1 on any
difference; the same seed brings the same faults in the same order.

  --seed N       whole number (default: a new one, which is printed)
  --minutes M    for how long faults come (default 5)
  --rate R       trades a second (default 500)
  --symbols S    number of symbols (default 20)
  --only TEXT    only faults whose name contains TEXT
  --list         print the first 40 faults of the seed's schedule and end
  --help         this text

KafkaSource's poll sizes are those that an administrator would set at such rates (as "npm start -- --fast").
`;

/** Reads the arguments. @param anySeed Used if none is given. @throws {RangeError} Naming what is wrong. */
export function parseChaosOptions(args: readonly string[], anySeed: number): ChaosOptions {
  const values = parse(args);
  return {
    help: values.help ?? false,
    list: values.list ?? false,
    only: values.only ?? null,
    seed: wholeNumber('seed', values.seed, anySeed, 0, Number.MAX_SAFE_INTEGER),
    minutes: wholeNumber('minutes', values.minutes, 5, 1, 1_440),
    rate: wholeNumber('rate', values.rate, 500, 1, 50_000),
    symbols: wholeNumber('symbols', values.symbols, 20, 1, 5_000),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        help: { type: 'boolean' },
        list: { type: 'boolean' },
        seed: { type: 'string' },
        minutes: { type: 'string' },
        rate: { type: 'string' },
        symbols: { type: 'string' },
        only: { type: 'string' },
      },
    }).values;
  } catch (error) {
    throw new RangeError(`Cannot start: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

function wholeNumber(
  name: string,
  text: string | undefined,
  usual: number,
  min: number,
  max: number,
): number {
  if (text === undefined) return usual;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max)
    throw new RangeError(`Cannot start: --${name} ${text}: expected a whole number from ${min} to ${max}`);
  return value;
}
