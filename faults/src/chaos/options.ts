import { type VendorName, VENDORS } from '@kandle/feeds/vendor/vendor-servers';
import {
  defineCommand,
  flag,
  option,
  type OptionValues,
  readCommand,
  text,
  UsageError,
  wholeNumber,
} from '@kandle/tooling/command';

const NAMES = Object.keys(VENDORS) as readonly VendorName[];

function vendors(given: string): readonly VendorName[] {
  const names = given.split(',').map((name) => name.trim());
  return [...new Set(names)].map((name) => {
    const found = NAMES.find((vendor) => vendor === name);
    if (found === undefined)
      throw new UsageError(`--feeds ${given}: there is no ${name}, only ${NAMES.join(', ')}`);
    return found;
  });
}

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
    feeds: option(
      'NAMES',
      `further feeds beside the simulated market, with commas, and what befalls them: ${NAMES.join(', ')}`,
      vendors,
    ),
    sinks: flag(
      'sink-redis and sink-influx run too, on a Redis and an InfluxDB of their own, and what befalls them',
    ),
    only: option('TEXT', 'only faults whose name contains TEXT', text),
    list: flag("print the first 40 faults of the seed's schedule and end"),
  },
  notes: `Exit code: 0 clean, 1 something differs, does not come to rest or could not be brought about, 130 stopped before a verdict.`,
});

/** What `npm run chaos` was asked for. */
export type ChaosOptions = Omit<OptionValues<typeof CHAOS.options>, 'seed' | 'feeds'> & {
  readonly seed: number;
  readonly feeds: readonly VendorName[];
};

/**
 * Reads the arguments; null if only the help is wanted.
 *
 * @param anySeed Used if none is given.
 * @throws {UsageError} Naming what is wrong.
 */
export function parseChaosOptions(args: readonly string[], anySeed: number): ChaosOptions | null {
  const values = readCommand(CHAOS, args);
  if (values === null) return null;
  return { ...values, seed: values.seed ?? anySeed, feeds: values.feeds ?? [] };
}
