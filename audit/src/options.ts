import {
  parseDuration,
  parseTime,
  parseWholeNumber,
  readOptions,
  UsageError,
} from '@kandle/tooling/command-line';

/** What `npm run audit` was asked for. */
export interface CliOptions {
  readonly help: boolean;
  readonly feed: string | null;
  readonly sinceMs: number | null;
  readonly untilMs: number | null;
  readonly waitMs: number;
  /** Differences shown in detail. */
  readonly show: number;
  readonly maxHeldTrades: number;
  readonly jsonFile: string | null;
  readonly repair: 'no' | 'dry-run' | 'yes';
}

/** The text of `npm run audit -- --help`. */
export const HELP = `Usage: npm run audit -- [options]

Reads market.raw.v1 from its beginning, recomputes trades and 5-second windows by a plain reading of its own, and
compares them with windows, candle events, candles_5s, longer candles, trades and feed_gaps. It changes nothing unless
--repair is given.

Which windows
  --feed NAME        only this feed, such as finnhub or sim
  --since TIME       only windows that start at this time of the market or later
  --until TIME       only windows that start before it
                     TIME is ISO (2026-11-25T08:00Z), epoch milliseconds, or how long ago: 90s, 30m, 26h, 7d

How
  --wait DURATION    how long the functions may take to reach the end of the log (default 30s); what they have not
                     reached by then is skipped and counted as such
  --max-held N       most trades of one partition held in memory, about 250 bytes each (default 4000000)

Repair
  --repair           put right what differs, then audit again; the exit code is that of the last audit
  --repair --dry-run only say what would be done

Result
  --show N           differences shown in detail (default 20)
  --json FILE        the whole report as JSON
  --help             this text

Exit code: 0 everything agrees, 1 something differs, 2 the audit could not run.

Connections: KAFKA_BROKERS, CASSANDRA_CONTACT_POINTS, CASSANDRA_PORT, CASSANDRA_KEYSPACE and the other variables of the
functions (audit/README.md). Where none of them is set, a running "npm start" is found by itself.
`;

const MAX_NUMBER = 9_999_999_999;

/**
 * Reads the command line.
 *
 * @param nowMs Wall clock, for times given as how long ago.
 * @throws {UsageError} If an option is unknown or its value makes no sense.
 */
export function parseCliOptions(args: readonly string[], nowMs: number): CliOptions {
  const text = { type: 'string' } as const;
  const values = readOptions('npm run audit', args, {
    help: { type: 'boolean', short: 'h' },
    feed: text,
    since: text,
    until: text,
    wait: text,
    show: text,
    'max-held': text,
    json: text,
    repair: { type: 'boolean' },
    'dry-run': { type: 'boolean' },
  });
  const sinceMs = values.since === undefined ? null : parseTime('since', values.since, nowMs);
  const untilMs = values.until === undefined ? null : parseTime('until', values.until, nowMs);
  if (sinceMs !== null && untilMs !== null && sinceMs >= untilMs)
    throw new UsageError('--since is not before --until');
  return {
    help: values.help ?? false,
    feed: values.feed ?? null,
    sinceMs,
    untilMs,
    waitMs: parseDuration('wait', values.wait ?? '30s', 0),
    show: parseWholeNumber('show', values.show ?? '20', 0, MAX_NUMBER),
    maxHeldTrades: parseWholeNumber('max-held', values['max-held'] ?? '4000000', 0, MAX_NUMBER),
    jsonFile: values.json ?? null,
    repair: parseRepair(values.repair ?? false, values['dry-run'] ?? false),
  };
}

function parseRepair(isWanted: boolean, isDryRun: boolean): CliOptions['repair'] {
  if (isDryRun && !isWanted) throw new UsageError('--dry-run is for --repair');
  if (!isWanted) return 'no';
  return isDryRun ? 'dry-run' : 'yes';
}
