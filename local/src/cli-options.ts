import { existsSync, statSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { StartError } from './preflight.ts';

/** What `npm start` was asked for. */
export interface StartOptions {
  readonly help: boolean;
  /** Recording to play instead of a live feed. */
  readonly replay: string | null;
  /** Times real time; Infinity for as fast as it goes. */
  readonly speed: number;
  /** Folder for the CSV export. */
  readonly exportFolder: string | null;
  /** Upper limit of the run, counted from "ready"; null for none. */
  readonly forMs: number | null;
  /** How long a function's process without a request stays. */
  readonly idleMs: number;
  /** Poll sizes as an administrator may set them, instead of a cluster's defaults. */
  readonly fast: boolean;
  /** Ports asked for; the rest is chosen. */
  readonly ports: Readonly<Record<string, number>>;
}

const PORT_OPTIONS = [
  'kafka-port',
  'kafka-controller-port',
  'cassandra-port',
  'cassandra-storage-port',
  'cassandra-jmx-port',
] as const;

/** The text of `npm start -- --help`. */
export const HELP = `Usage: npm start -- [options]

Runs the whole pipeline on this machine: a real Kafka, a real Cassandra, the functions and a feed.
Ctrl-C stops everything. A second start finds its data again; "npm run clean" forgets it.

Feed
  FINNHUB_TOKEN and SYMBOLS in the environment or in .env: the real Finnhub feed
  --replay FILE        play a recording (JSONL or .jsonl.gz) in a data folder of its own, emptied at start,
                       and end when every window is final
  --speed N|max        times real time (default 1), or as fast as it goes

Result
  --export DIR         write trades.csv and candles_5s.csv, read back from Cassandra, when the run ends
  --for DURATION       end after 90s, 10m or 2h, counted from "ready"

Knative on this machine (the files in knative/base are read as they are)
  --idle DURATION      stop a function's process after this time without an event (default 30s)
  --fast               poll sizes as an administrator may set them (config-kafka-source-data-plane), not a
                       cluster's defaults

Ports (a free one is chosen where none is given)
${PORT_OPTIONS.map((name) => `  --${name} N`).join('\n')}

  --help               this text
`;

/** Reads the command line. @throws {StartError} If an option is unknown or its value makes no sense. */
export function parseStartOptions(args: readonly string[]): StartOptions {
  const values = readArgs(args);
  const replay = values['replay'] ?? null;
  if (replay !== null && !(existsSync(replay) && statSync(replay).isFile())) {
    throw new StartError(`There is no recording at ${replay}: check the path given to --replay`);
  }
  if (values['speed'] !== undefined && replay === null) {
    throw new StartError('--speed is for a recording: give --replay FILE too');
  }
  return {
    help: values['help'] === 'true',
    replay,
    speed: parseSpeed(values['speed'] ?? '1'),
    exportFolder: values['export'] ?? null,
    forMs: values['for'] === undefined ? null : parseDuration(values['for']),
    idleMs: parseDuration(values['idle'] ?? '30s'),
    fast: values['fast'] === 'true',
    ports: Object.fromEntries(
      PORT_OPTIONS.flatMap((name) => {
        const value = values[name];
        return value === undefined ? [] : [[name, parsePort(name, value)]];
      }),
    ),
  };
}

function readArgs(args: readonly string[]): Record<string, string | undefined> {
  try {
    const text = { type: 'string' } as const;
    const { values } = parseArgs({
      args: [...args],
      options: {
        help: { type: 'boolean', short: 'h' },
        replay: text,
        speed: text,
        export: text,
        for: text,
        idle: text,
        fast: { type: 'boolean' },
        ...Object.fromEntries(PORT_OPTIONS.map((name) => [name, text])),
      },
    });
    return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]));
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('. ')[0] : String(error);
    throw new StartError(`${reason}. See npm start -- --help`);
  }
}

function parseSpeed(text: string): number {
  if (text === 'max') return Number.POSITIVE_INFINITY;
  const speed = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
  if (!(speed > 0 && speed <= 1_000_000))
    throw new StartError(`--speed ${text}: expected a number above 0, or max`);
  return speed;
}

/** A duration such as `90s`, `10m` or `2h` in milliseconds. @throws {StartError} If it is none. */
export function parseDuration(text: string): number {
  const [, amount = '', unit = ''] = /^(\d{1,6})(s|m|h)$/.exec(text) ?? [];
  const unitMs = new Map([
    ['s', 1_000],
    ['m', 60_000],
    ['h', 3_600_000],
  ]).get(unit);
  if (unitMs === undefined || Number(amount) === 0)
    throw new StartError(`${text}: expected a duration such as 90s, 10m or 2h`);
  return Number(amount) * unitMs;
}

function parsePort(name: string, text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) throw new StartError(`--${name} ${text}: expected a port from 1 to 65535`);
  return port;
}
