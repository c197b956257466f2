import { parseArgs } from 'node:util';

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

/** A command line that makes no sense. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/**
 * Reads the command line.
 *
 * @param nowMs Wall clock, for times given as how long ago.
 * @throws {UsageError} If an option is unknown or its value makes no sense.
 */
export function parseCliOptions(args: readonly string[], nowMs: number): CliOptions {
  const values = readArgs(args);
  const sinceMs = values.since === undefined ? null : parseTime('since', values.since, nowMs);
  const untilMs = values.until === undefined ? null : parseTime('until', values.until, nowMs);
  if (sinceMs !== null && untilMs !== null && sinceMs >= untilMs)
    throw new UsageError('--since is not before --until');
  return {
    help: values.help ?? false,
    feed: values.feed ?? null,
    sinceMs,
    untilMs,
    waitMs: parseDuration('wait', values.wait ?? '30s'),
    show: parseNumber('show', values.show ?? '20'),
    maxHeldTrades: parseNumber('max-held', values['max-held'] ?? '4000000'),
    jsonFile: values.json ?? null,
    repair: parseRepair(values.repair ?? false, values['dry-run'] ?? false),
  };
}

function readArgs(args: readonly string[]) {
  const text = { type: 'string' } as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
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
      },
    }).values;
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('. ')[0] : String(error);
    throw new UsageError(`${reason}. See npm run audit -- --help`);
  }
}

function parseRepair(isWanted: boolean, isDryRun: boolean): CliOptions['repair'] {
  if (isDryRun && !isWanted) throw new UsageError('--dry-run is for --repair');
  if (!isWanted) return 'no';
  return isDryRun ? 'dry-run' : 'yes';
}

function parseTime(name: string, text: string, nowMs: number): number {
  if (/^\d{12,14}$/.test(text)) return Number(text);
  if (/^\d{1,6}[smhd]$/.test(text)) return nowMs - parseDuration(name, text);
  const timeMs = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(timeMs))
    throw new UsageError(
      `--${name} ${text}: expected 2026-11-25T08:00Z, epoch milliseconds, or 90s, 30m, 26h, 7d`,
    );
  return timeMs;
}

const UNITS_MS: ReadonlyMap<string, number> = new Map([
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

function parseDuration(name: string, text: string): number {
  const [, amount = '', unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const unitMs = UNITS_MS.get(unit);
  if (unitMs === undefined)
    throw new UsageError(`--${name} ${text}: expected a duration such as 90s, 30m, 26h or 7d`);
  return Number(amount) * unitMs;
}

function parseNumber(name: string, text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new UsageError(`--${name} ${text}: expected a whole number`);
  return Number(text);
}
