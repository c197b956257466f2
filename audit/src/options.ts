import {
  defineCommand,
  duration,
  flag,
  helpText,
  option,
  readCommand,
  text,
  time,
  UsageError,
  wholeNumber,
} from '@kandle/tooling/command';

/** What `npm run audit` was asked for. */
export interface CliOptions {
  readonly feed: string | null;
  readonly sinceMs: number | null;
  readonly untilMs: number | null;
  readonly waitMs: number;
  /** Where the hours of the raw log are that Kafka no longer has; null for none. */
  readonly archiveFolder: string | null;
  /** Differences shown in detail. */
  readonly show: number;
  readonly maxHeldTrades: number;
  /** How many of a million trades may be refused for their time alone. */
  readonly maxRefusedPpm: number;
  readonly jsonFile: string | null;
  readonly repair: 'no' | 'dry-run' | 'ask' | 'yes';
  /** Name of the repair that is undone, or `last`; null if none is. */
  readonly undo: string | null;
}

const MAX_NUMBER = 9_999_999_999;

const COMMAND = defineCommand({
  name: 'npm run audit',
  about: `Reads market.raw.v1 from its beginning, recomputes trades and 5-second windows by a plain reading of its own, and
compares them with windows, candle events, candles_5s, longer candles, trades and feed_gaps. It changes nothing without
--repair or --undo, and an answer or --yes.`,
  options: {
    feed: option('NAME', 'only this feed, such as finnhub or sim', text),
    since: option('TIME', 'only windows that start at this time of the market or later', time),
    until: option(
      'TIME',
      'only windows that start before it; TIME is ISO (2026-11-25T08:00Z), epoch milliseconds, or how long ago: 90s, 30m, 26h, 7d',
      time,
    ),
    wait: option(
      'DURATION',
      'how long the functions may take to reach the end of the log; what they have not reached by then is skipped and counted as such',
      duration(0),
      '30s',
    ),
    archive: option(
      'DIR',
      'read what Kafka no longer has of the raw log from this archive (npm run archive)',
      text,
    ),
    'max-held': option(
      'N',
      'most trades of one partition held in memory, about 250 bytes each',
      wholeNumber(0, MAX_NUMBER),
      '4000000',
    ),
    'max-refused': option(
      'N',
      'how many of a million trades may be refused as too_late or too_far_ahead, before the verdict is not clean',
      wholeNumber(0, 1_000_000),
      '1000',
    ),
    repair: flag(
      'say what would put right what differs, and ask; what is in doubt is left alone. After a repair it audits again: the exit code is that of the last audit',
    ),
    undo: option(
      'NAME',
      'say what would bring back what a repair has changed, and ask; NAME is what the repair said, or last',
      text,
    ),
    'dry-run': flag('with --repair or --undo: do not ask, only say'),
    yes: flag('with --repair or --undo: do not ask, do it'),
    show: option('N', 'differences shown in detail', wholeNumber(0, MAX_NUMBER), '20'),
    json: option('FILE', 'the whole report as JSON', text),
  },
  headings: { feed: 'Which windows', wait: 'How', repair: 'Repair', show: 'Result' },
  notes: `Exit code: 0 everything agrees, 1 something differs or too much was refused, 2 the audit could not run,
3 nothing was checked.

Connections: KAFKA_BROKERS, CASSANDRA_CONTACT_POINTS, CASSANDRA_PORT, CASSANDRA_KEYSPACE and the other variables of the
functions (audit/README.md). Where none of them is set, a running "npm start" is found by itself.`,
});

/** The text of `npm run audit -- --help`. */
export const HELP: string = helpText(COMMAND);

/**
 * Reads the command line; null if only the help is wanted.
 *
 * @param wallMs Wall clock, for times given as how long ago.
 * @param canAsk There is somebody at a terminal.
 * @throws {UsageError} If an option is unknown or its value makes no sense.
 */
export function parseCliOptions(args: readonly string[], wallMs: number, canAsk: boolean): CliOptions | null {
  const values = readCommand(COMMAND, args, wallMs);
  if (values === null) return null;
  const { since: sinceMs, until: untilMs, repair, undo, yes, 'dry-run': isDryRun } = values;
  if (sinceMs !== null && untilMs !== null && sinceMs >= untilMs)
    throw new UsageError('--since is not before --until');
  if (repair && undo !== null) throw new UsageError('--repair and --undo are two things');
  if (yes && isDryRun) throw new UsageError('--yes and --dry-run are opposites');
  const isAsked = repair || undo !== null;
  if (!isAsked && (yes || isDryRun))
    throw new UsageError(`--${yes ? 'yes' : 'dry-run'} is for --repair and --undo`);
  return {
    feed: values.feed,
    sinceMs,
    untilMs,
    waitMs: values.wait,
    archiveFolder: values.archive,
    show: values.show,
    maxHeldTrades: values['max-held'],
    maxRefusedPpm: values['max-refused'],
    jsonFile: values.json,
    repair: !isAsked ? 'no' : yes ? 'yes' : isDryRun || !canAsk ? 'dry-run' : 'ask',
    undo,
  };
}
