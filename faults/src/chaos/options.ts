import {
  defineCommand,
  flag,
  option,
  type OptionValues,
  readCommand,
  text,
  wholeNumber,
} from '@kandle/tooling/command';

/** The command line of `npm run chaos`. */
export const CHAOS = defineCommand({
  name: 'npm run chaos',
  about: `Starts the laptop stack (real Kafka, real Cassandra, all functions) in .kandle/chaos, which is emptied first, with
a simulated market as load, and lets one fault after the other befall it, as the seed decides. Then the market falls
silent, everything comes to rest, and the audit compares what is stored with what was sent. The same seed brings the
same faults in the same order.`,
  options: {
    seed: option(
      'N',
      'whole number (default: a new one, which is printed)',
      wholeNumber(0, Number.MAX_SAFE_INTEGER),
    ),
    minutes: option('M', 'for how long faults come', wholeNumber(1, 1_440), '5'),
    rate: option('R', 'trades a second', wholeNumber(1, 50_000), '500'),
    symbols: option('S', 'number of symbols', wholeNumber(1, 5_000), '20'),
    only: option('TEXT', 'only faults whose name contains TEXT', text),
    list: flag("print the first 40 faults of the seed's schedule and end"),
  },
  notes: `KafkaSource's poll sizes are those that an administrator would set at such rates (as "npm start -- --fast").

Exit code: 0 clean, 1 something differs, does not come to rest or could not be brought about, 130 stopped before a verdict.`,
});

/** What `npm run chaos` was asked for. */
export type ChaosOptions = Omit<OptionValues<typeof CHAOS.options>, 'seed'> & { readonly seed: number };

/**
 * Reads the arguments; null if only the help is wanted.
 *
 * @param anySeed Used if none is given.
 * @throws {UsageError} Naming what is wrong.
 */
export function parseChaosOptions(args: readonly string[], anySeed: number): ChaosOptions | null {
  const values = readCommand(CHAOS, args);
  return values === null ? null : { ...values, seed: values.seed ?? anySeed };
}
