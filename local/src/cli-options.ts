import { existsSync, statSync } from 'node:fs';
import { parseDuration, parseWholeNumber, readOptions, UsageError } from '@kandle/tooling/command-line';
import { DEFAULT_SYMBOLS, MAX_SYMBOLS } from '@kandle/feeds/simulator/instruments';

/** What `npm start` was asked for. */
export interface StartOptions {
  readonly help: boolean;
  /** Recording to play instead of a live feed. */
  readonly replay: string | null;
  /** Times real time; Infinity for as fast as it goes. */
  readonly speed: number;
  /** The market to simulate; used when there is neither a recording nor a key. */
  readonly simulator: SimulatorChoice;
  /** Folder for the CSV export. */
  readonly exportFolder: string | null;
  /** Upper limit of the run, counted from "ready"; null for none. */
  readonly forMs: number | null;
  /** How long a function's process without a request stays. */
  readonly idleMs: number;
  /** Poll sizes as an administrator may set them, instead of a cluster's defaults. */
  readonly fast: boolean;
  /** Run the functions' sources instead of their bundles. */
  readonly fromSource: boolean;
  /** Lines instead of the live view. */
  readonly plain: boolean;
  /** Start the exporter of metrics too. */
  readonly exporter: boolean;
  /** Ports asked for; the rest is chosen. */
  readonly ports: Readonly<Record<string, number>>;
}

/** What the simulated market is to be. */
export interface SimulatorChoice {
  /** Trades a second. */
  readonly rate: number;
  /** Number of symbols. */
  readonly symbols: number;
  readonly seed: number;
  /** How long each silence lasts, milliseconds; null for none. */
  readonly silenceMs: number | null;
  /** The options that were given, with their dashes: they ask for the simulator. */
  readonly given: readonly string[];
}

const SIMULATOR_OPTIONS = ['rate', 'symbols', 'seed', 'silence'] as const;
const DEFAULT_RATE = 200;
const MAX_RATE = 50_000;

const PORT_OPTIONS = [
  'kafka-port',
  'kafka-controller-port',
  'cassandra-port',
  'cassandra-storage-port',
  'cassandra-jmx-port',
  'metrics-port',
] as const;

/** The text of `npm start -- --help`. */
export const HELP = `Usage: npm start -- [options]

Runs the whole pipeline on this machine: a real Kafka, a real Cassandra, the functions and a feed.
Ctrl-C stops everything. A second start finds its data again; "npm run clean" forgets it.

Feed (the first that is there)
  --replay FILE        play a recording (JSONL or .jsonl.gz) in a data folder of its own, emptied at start,
                       and end when every window is final
  --speed N|max        times real time (default 1), or as fast as it goes
  FINNHUB_TOKEN and SYMBOLS in the environment or in .env: the real Finnhub feed
  otherwise            a simulated market: stocks, indices, forex and crypto, all named SIM:…

Simulated market (any of these asks for it, even where there is a key)
  --rate N             trades a second, up to ${MAX_RATE.toLocaleString('en')} (default ${DEFAULT_RATE})
  --symbols N          up to ${MAX_SYMBOLS.toLocaleString('en')} (default ${DEFAULT_SYMBOLS})
  --seed N             another market (default 1)
  --silence DURATION   fall silent for this long after every 30 s of trading: with 40s one sees the functions
                       go to sleep and wake up

Result
  --export DIR         write trades.csv and candles_5s.csv, read back from Cassandra, when the run ends
  --for DURATION       end after 90s, 10m or 2h, counted from "ready", with a summary
  --plain              lines instead of the live view, which is there when the output is a terminal

Knative on this machine (the files in knative/base are read as they are)
  --idle DURATION      stop a function's process after this time without an event (default 30s)
  --fast               poll sizes as an administrator may set them (config-kafka-source-data-plane), not a
                       cluster's defaults
  --from-source        run the functions' sources, for debugging; without it they run as on a cluster, as one
                       bundle each, made again when a source has changed
  --no-exporter        leave out the exporter of metrics for Prometheus

Ports (a free one is chosen where none is given)
${PORT_OPTIONS.map((name) => `  --${name} N`).join('\n')}

  --help               this text
`;

/** Reads the command line. @throws {UsageError} If an option is unknown or its value makes no sense. */
export function parseStartOptions(args: readonly string[]): StartOptions {
  const values = readArgs(args);
  const replay = values['replay'] ?? null;
  if (replay !== null && !(existsSync(replay) && statSync(replay).isFile())) {
    throw new UsageError(`There is no recording at ${replay}: check the path given to --replay`);
  }
  if (values['speed'] !== undefined && replay === null) {
    throw new UsageError('--speed is for a recording: give --replay FILE too');
  }
  const simulator = parseSimulator(values);
  if (simulator.given.length > 0 && replay !== null) {
    throw new UsageError(`${simulator.given.join(', ')}: for the simulated market, not for a recording`);
  }
  return {
    help: values['help'] === 'true',
    replay,
    speed: parseSpeed(values['speed'] ?? '1'),
    simulator,
    exportFolder: values['export'] ?? null,
    forMs: values['for'] === undefined ? null : parseDuration('for', values['for']),
    idleMs: parseDuration('idle', values['idle'] ?? '30s'),
    fast: values['fast'] === 'true',
    fromSource: values['from-source'] === 'true',
    plain: values['plain'] === 'true',
    exporter: values['no-exporter'] !== 'true',
    ports: Object.fromEntries(
      PORT_OPTIONS.flatMap((name) => {
        const value = values[name];
        return value === undefined ? [] : [[name, parseWholeNumber(name, value, 1, 65_535)]];
      }),
    ),
  };
}

function readArgs(args: readonly string[]): Record<string, string | undefined> {
  const text = { type: 'string' } as const;
  const values = readOptions('npm start', args, {
    help: { type: 'boolean', short: 'h' },
    replay: text,
    speed: text,
    export: text,
    for: text,
    idle: text,
    fast: { type: 'boolean' },
    'from-source': { type: 'boolean' },
    plain: { type: 'boolean' },
    'no-exporter': { type: 'boolean' },
    ...Object.fromEntries([...SIMULATOR_OPTIONS, ...PORT_OPTIONS].map((name) => [name, text])),
  });
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]));
}

function parseSpeed(text: string): number {
  if (text === 'max') return Number.POSITIVE_INFINITY;
  const speed = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
  if (!(speed > 0 && speed <= 1_000_000))
    throw new UsageError(`--speed ${text}: expected a number above 0, or max`);
  return speed;
}

function parseSimulator(values: Record<string, string | undefined>): SimulatorChoice {
  const { rate, symbols, seed, silence } = values;
  if (symbols !== undefined && /[A-Za-z]/.test(symbols)) {
    throw new UsageError(
      `--symbols ${symbols}: expected how many symbols the simulated market has; name those of a real feed in SYMBOLS`,
    );
  }
  return {
    rate: parseWholeNumber('rate', rate ?? String(DEFAULT_RATE), 1, MAX_RATE),
    symbols: parseWholeNumber('symbols', symbols ?? String(DEFAULT_SYMBOLS), 1, MAX_SYMBOLS),
    seed: parseWholeNumber('seed', seed ?? '1', 0, Number.MAX_SAFE_INTEGER),
    silenceMs: silence === undefined ? null : parseDuration('silence', silence),
    given: SIMULATOR_OPTIONS.filter((name) => values[name] !== undefined).map((name) => `--${name}`),
  };
}
