import { parseWholeNumber, readOptions } from '@kandle/tooling/command-line';

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

/** Reads the arguments. @param anySeed Used if none is given. @throws {UsageError} Naming what is wrong. */
export function parseChaosOptions(args: readonly string[], anySeed: number): ChaosOptions {
  const values = readOptions('npm run chaos', args, {
    help: { type: 'boolean' },
    list: { type: 'boolean' },
    seed: { type: 'string', default: String(anySeed) },
    minutes: { type: 'string', default: '5' },
    rate: { type: 'string', default: '500' },
    symbols: { type: 'string', default: '20' },
    only: { type: 'string' },
  });
  return {
    help: values.help ?? false,
    list: values.list ?? false,
    only: values.only ?? null,
    seed: parseWholeNumber('seed', values.seed, 0, Number.MAX_SAFE_INTEGER),
    minutes: parseWholeNumber('minutes', values.minutes, 1, 1_440),
    rate: parseWholeNumber('rate', values.rate, 1, 50_000),
    symbols: parseWholeNumber('symbols', values.symbols, 1, 5_000),
  };
}
