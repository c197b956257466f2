import {
  defineCommand,
  flag,
  helpText,
  option,
  readCommand,
  repeatedOption,
  text,
  time,
} from '@kandle/tooling/command';

/** What `npm run backfill` was asked for. */
export interface CliOptions {
  readonly isDryRun: boolean;
  /** The parts of a recording; none for the vendor's history. */
  readonly recording: readonly string[];
  readonly feed: string | null;
  readonly gap: string | null;
  readonly sinceMs: number | null;
  readonly untilMs: number | null;
}

const COMMAND = defineCommand({
  name: 'npm run backfill',
  about: `Looks for the trades of a feed's gaps in the vendor's history, or in a recording of the feed, and brings those
that are not counted yet: their candles are revised, and the ledger (feed_gaps) says what is missing still.

Without --write it only shows what it would bring. A gap is taken once nothing live of it can come any more: 15 minutes of
the feed's own time after its end.`,
  options: {
    write: flag('bring the trades, and tell the ledger'),
    'from-recording': repeatedOption(
      'FILE',
      'a recording of the feed (npm run record) instead of the vendor; several times for its parts, in their order',
      text,
    ),
    feed: option(
      'NAME',
      'the feed whose gaps are looked at, such as finnhub; else FEED of the environment',
      text,
    ),
    gap: option('NAME', 'only this gap, as the list names it: finnhub-03:1764000000000:silent', text),
    since: option(
      'TIME',
      'only gaps that begin then or later: 2026-11-25T06:00:00Z, or 90m, 2h, 3d ago',
      time,
    ),
    until: option('TIME', 'only gaps that begin before that', time),
  },
  notes: `It uses the servers of a running "npm start", or those that KAFKA_BROKERS names. Finnhub's history of trades (stocks of
the USA) needs FINNHUB_TOKEN or FINNHUB_TOKEN_FILE and a plan that has it. Exit code 1: the history could not be asked for
some gap; 2: it could not run.`,
});

/** The text of `npm run backfill -- --help`. */
export const HELP: string = helpText(COMMAND);

/** Reads the arguments; null if only the help is wanted. @throws {UsageError} Naming the one that is wrong. */
export function parseCliOptions(args: readonly string[], wallMs: number): CliOptions | null {
  const values = readCommand(COMMAND, args, wallMs);
  if (values === null) return null;
  return {
    isDryRun: !values.write,
    recording: values['from-recording'],
    feed: values.feed,
    gap: values.gap,
    sinceMs: values.since,
    untilMs: values.until,
  };
}
