import { existsSync, globSync, statSync } from 'node:fs';
import {
  defineCommand,
  duration,
  flag,
  option,
  repeatedOption,
  type OptionParser,
  type OptionValues,
  readCommand,
  text,
  UsageError,
  wholeNumber,
} from '@kandle/tooling/command';
import { DEFAULT_SYMBOLS, MAX_SYMBOLS } from '@kandle/feeds/simulator/instruments';
import { type SinkChoice, sinkChoice } from './sinks.ts';
import { VENDOR_FEEDS, type VendorFeedName } from './vendor-feeds.ts';

/** What `npm start` was asked for. */
export interface StartOptions {
  /** Recording to play instead of a live feed: its files, in their order. */
  readonly replay: readonly string[] | null;
  /** Times real time; Infinity for as fast as it goes. */
  readonly speed: number;
  /** Refuse a recording that ends in the middle, instead of playing what is whole. */
  readonly strict: boolean;
  /** Vendors whose protocols made-up markets are to speak; empty for what the rest says. */
  readonly vendors: readonly VendorFeedName[];
  /** The market to simulate; used when there is neither a recording nor a key. */
  readonly simulator: SimulatorChoice;
  /** Folder for the CSV export. */
  readonly exportFolder: string | null;
  /** Upper limit of the run, counted from "ready"; null for none. */
  readonly forMs: number | null;
  /** How long a function's process without a request stays. */
  readonly idleMs: number;
  /** Sources poll as Knative installs them, not as `knative/kafka-source-settings.sh` sets them. */
  readonly hasKnativesPoll: boolean;
  /** Pods of KafkaSource's dispatcher. */
  readonly dispatchers: number;
  /** Run the functions' sources instead of their bundles. */
  readonly fromSource: boolean;
  /** Lines instead of the live view. */
  readonly plain: boolean;
  /** Start the exporter of metrics too. */
  readonly exporter: boolean;
  /** Serve the page for the browser. */
  readonly console: boolean;
  /** Databases beside Cassandra that are written to. */
  readonly sinks: readonly SinkChoice[];
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

const DEFAULT_RATE = 200;
const DEFAULT_SEED = 1;
const MAX_RATE = 50_000;

const SIMULATOR = {
  rate: option(
    'N',
    `trades a second, up to ${shown(MAX_RATE)} (default ${DEFAULT_RATE})`,
    wholeNumber(1, MAX_RATE),
  ),
  symbols: option('N', `how many, up to ${shown(MAX_SYMBOLS)} (default ${DEFAULT_SYMBOLS})`, symbolCount),
  seed: option('N', `another market (default ${DEFAULT_SEED})`, wholeNumber(0, Number.MAX_SAFE_INTEGER)),
  silence: option(
    'DURATION',
    'fall silent for this long after every 30 s of trading: with 40s one sees the functions go to sleep and wake up',
    duration(),
  ),
};

const BY_NUMBER = new Intl.Collator('en', { numeric: true });

const PORT = wholeNumber(1, 65_535);
const PORTS = {
  'kafka-port': option('N', 'of the broker', PORT),
  'kafka-controller-port': option('N', "of the broker's controller", PORT),
  'cassandra-port': option('N', 'for CQL clients', PORT),
  'cassandra-storage-port': option('N', 'between nodes, of which there is one', PORT),
  'cassandra-jmx-port': option('N', 'for nodetool', PORT),
  'metrics-port': option('N', 'for Prometheus', PORT),
  'query-port': option('N', 'for the page in the browser and for questions over HTTP', PORT),
};

/** The command line of `npm start`. */
export const START = defineCommand({
  name: 'npm start',
  about: `Runs the whole pipeline on this machine: a real Kafka, a real Cassandra, the functions and a feed. Ctrl-C stops
everything. A second start finds its data again; "npm run clean" forgets it.`,
  options: {
    replay: option(
      'FILES',
      "play a recording (JSONL or .jsonl.gz) in a data folder of its own, emptied at start, and end when every window is final; its parts with commas, or 'day-*.jsonl.gz'",
      recordingFiles,
    ),
    speed: option('N|max', 'times real time (default 1), or as fast as it goes', speed),
    feed: option(
      'NAMES',
      `made-up markets that speak vendors' protocols, one or several with commas: ${VENDOR_FEEDS.join(', ')}`,
      vendors,
    ),
    strict: flag('refuse a recording that ends in the middle, instead of playing what is whole'),
    ...SIMULATOR,
    export: option(
      'DIR',
      'write trades.csv, candles_5s.csv and instruments.csv, read back from Cassandra, when the run ends',
      text,
    ),
    sink: repeatedOption(
      'NAME=URL',
      'write to another database too: influx=http://127.0.0.1:8086, redis=redis://127.0.0.1:6379; once for each, and how in INFLUX_… and REDIS_… (functions/sink-influx, functions/sink-redis)',
      sinkChoice,
    ),
    for: option('DURATION', 'end after 90s, 10m or 2h, counted from "ready", with a summary', duration()),
    plain: flag('lines instead of the live view, which is there when the output is a terminal'),
    idle: option('DURATION', "stop a function's process after this time without an event", duration(), '30s'),
    'knative-poll': flag('poll sizes as Knative installs them, without knative/kafka-source-settings.sh'),
    dispatchers: option(
      'N',
      'pods of the dispatcher, as an administrator may place them: each takes about 250 events a second of a source in order',
      wholeNumber(1, 12),
      '1',
    ),
    'from-source': flag(
      "run the functions' sources, for debugging; without it they run as on a cluster, as one bundle each, made again when a source has changed",
    ),
    'no-console': flag('leave out the page for the browser'),
    'no-exporter': flag('leave out the exporter of metrics for Prometheus'),
    ...PORTS,
  },
  headings: {
    replay: `Feed: a recording; else the feeds of kandle.config.json, if there is one (docs/feeds.md); else the real
Finnhub, if FINNHUB_TOKEN and SYMBOLS are in the environment or in .env; else a simulated market of stocks, indices, forex and crypto, all named SIM:…`,
    rate: 'Simulated market (any of these asks for it, even where there is a key)',
    export: 'Result',
    idle: 'Knative on this machine (the files in knative/base are read as they are)',
    'kafka-port': 'Ports (a free one is chosen where none is given)',
  },
  notes: `Exit code: 0 all is well, 1 it could not go on, 3 a recording has ended and not everything of it was counted:
then the last lines say what.`,
});

/**
 * Reads the command line; null if only the help is wanted.
 *
 * @throws {UsageError} If an option is unknown or its value makes no sense.
 */
export function parseStartOptions(args: readonly string[]): StartOptions | null {
  const values = readCommand(START, args);
  if (values === null) return null;
  const { replay } = values;
  if (values.speed !== null && replay === null) {
    throw new UsageError('--speed is for a recording: give --replay FILE too');
  }
  if (values.strict && replay === null)
    throw new UsageError('--strict is for a recording: give --replay FILE too');
  if (values.feed !== null && replay !== null) {
    throw new UsageError('--feed is for a made-up market, not for a recording');
  }
  const [twice] = values.sink.filter(({ sink }, n) => values.sink.findIndex((one) => one.sink === sink) < n);
  if (twice !== undefined)
    throw new UsageError(`--sink ${twice.sink.replace('sink-', '')} is given twice: name one of each`);
  const simulator = chooseMarket(values);
  if (simulator.given.length > 0 && replay !== null) {
    throw new UsageError(`${simulator.given.join(', ')}: for the simulated market, not for a recording`);
  }
  return {
    replay,
    speed: values.speed ?? 1,
    strict: values.strict,
    vendors: values.feed ?? [],
    simulator,
    exportFolder: values.export,
    forMs: values.for,
    idleMs: values.idle,
    hasKnativesPoll: values['knative-poll'],
    dispatchers: values.dispatchers,
    fromSource: values['from-source'],
    plain: values.plain,
    exporter: !values['no-exporter'],
    console: !values['no-console'],
    sinks: values.sink,
    ports: choosePorts(values),
  };
}

function chooseMarket(values: OptionValues<typeof SIMULATOR>): SimulatorChoice {
  const names = Object.keys(SIMULATOR) as readonly (keyof typeof SIMULATOR)[];
  return {
    rate: values.rate ?? DEFAULT_RATE,
    symbols: values.symbols ?? DEFAULT_SYMBOLS,
    seed: values.seed ?? DEFAULT_SEED,
    silenceMs: values.silence,
    given: names.filter((name) => values[name] !== null).map((name) => `--${name}`),
  };
}

function choosePorts(values: OptionValues<typeof PORTS>): Readonly<Record<string, number>> {
  const names = Object.keys(PORTS) as readonly (keyof typeof PORTS)[];
  return Object.fromEntries(names.flatMap((name) => (values[name] === null ? [] : [[name, values[name]]])));
}

/** A file of that name; else files with commas between, or patterns, of each what it matches by number. */
function recordingFiles(given: string): readonly string[] {
  if (isFile(given)) return [given];
  return given.split(',').flatMap((part) => (isFile(part) ? [part] : matchesOf(part)));
}

function matchesOf(pattern: string): readonly string[] {
  const files = globSync(pattern).filter(isFile).toSorted(BY_NUMBER.compare);
  if (files.length === 0)
    throw new UsageError(`There is no recording at ${pattern}: check the path given to --replay`);
  return files;
}

function isFile(path: string): boolean {
  return existsSync(path) && statSync(path).isFile();
}

function symbolCount(...[given, context]: Parameters<OptionParser<number>>): number {
  if (/[A-Za-z]/.test(given)) {
    throw new UsageError(
      `--symbols ${given}: expected how many symbols the simulated market has; name those of a real feed in SYMBOLS`,
    );
  }
  return wholeNumber(1, MAX_SYMBOLS)(given, context);
}

function vendors(given: string): readonly VendorFeedName[] {
  const names = [...new Set(given.split(',').map((name) => name.trim()))];
  return names.map((name) => {
    const found = VENDOR_FEEDS.find((vendor) => vendor === name);
    if (found === undefined)
      throw new UsageError(`--feed ${given}: there is no ${name}, only ${VENDOR_FEEDS.join(', ')}`);
    return found;
  });
}

function speed(given: string): number {
  if (given === 'max') return Number.POSITIVE_INFINITY;
  const times = /^\d+(\.\d+)?$/.test(given) ? Number(given) : 0;
  if (!(times > 0 && times <= 1_000_000))
    throw new UsageError(`--speed ${given}: expected a number above 0, or max`);
  return times;
}

function shown(count: number): string {
  return count.toLocaleString('en');
}
