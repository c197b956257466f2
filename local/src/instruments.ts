import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Env, loadDotEnv } from '@kandle/runtime/config';
import { describeError } from '@kandle/runtime/errors';
import { findRunningServers } from '@kandle/servers/running-servers';
import {
  defineCommand,
  flag,
  helpText,
  option,
  readCommand,
  text,
  UsageError,
} from '@kandle/tooling/command';
import { DATA_FOLDER, REPO_ROOT } from '@kandle/tooling/paths';

const COMMAND = defineCommand({
  name: 'npm run instruments',
  about: `Reads the symbol lists of a vendor once, keeps what they change, and tells the pipeline: what each symbol is, and from
when to when it was that. Kept in .kandle/instruments.sqlite, or in PostgreSQL (POSTGRES_HOST and more). Told to a running
"npm start", or to the Kafka of KAFKA_BROKERS; with neither it only keeps, and tells the next time.`,
  options: {
    feed: option('NAME', 'the feed whose symbols these are, as ingest names it (default: the vendor)', text),
    vendor: option('NAME', 'finnhub or twelvedata', text, 'finnhub'),
    lists: option(
      'LIST,…',
      'stocks, crypto or forex, and the exchange as the vendor spells it',
      text,
      'stocks:US',
    ),
    profiles: option('SYMBOL,…', "stocks whose company's profile is read too (Finnhub), one a second", text),
    'accept-shrink': flag('take lists that are more than 20 % shorter: after you have looked at them'),
    'publish-all': flag('tell everything that is kept once more, not only what has changed'),
  },
  notes: `The key is FINNHUB_TOKEN or TWELVEDATA_KEY (or …_FILE, a file that holds it), in the environment or in .env. Exit code 1: a list
was refused, or a server is away; what was known stays. All variables: functions/instruments/README.md.`,
});

/** Names of the variable that holds the key, by vendor. */
const KEYS: Readonly<Record<string, string>> = { finnhub: 'FINNHUB_TOKEN', twelvedata: 'TWELVEDATA_KEY' };

async function main(): Promise<void> {
  const values = readCommand(COMMAND, process.argv.slice(2));
  if (values === null) return void process.stdout.write(helpText(COMMAND));
  loadDotEnv(join(REPO_ROOT, '.env'), (path) => readFileSync(path, 'utf8'));
  const folder = mkdtempSync(join(tmpdir(), 'kandle-key-'));
  try {
    const program = spawn(process.execPath, [join(REPO_ROOT, 'functions/instruments/src/index.ts')], {
      env: {
        SQLITE_FILE: join(REPO_ROOT, '.kandle', 'instruments.sqlite'),
        ...process.env,
        ...kafkaOf(process.env),
        API_KEY_FILE: keyFile(values.vendor, process.env, folder),
        VENDOR: values.vendor,
        FEED: values.feed ?? values.vendor,
        LISTS: values.lists,
        ...(values.profiles === null ? {} : { PROFILES: values.profiles }),
        ...(values['accept-shrink'] ? { ACCEPT_SHRINK: 'true' } : {}),
        ...(values['publish-all'] ? { PUBLISH: 'all' } : {}),
      },
      stdio: 'inherit',
    });
    await once(program, 'exit');
    process.exitCode = program.exitCode ?? 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Where it is told: the environment's Kafka, that of a running start, or nowhere. */
function kafkaOf(env: Env): Readonly<Record<string, string>> {
  if ((env['KAFKA_BROKERS'] ?? '') !== '') return {};
  const running = findRunningServers(DATA_FOLDER);
  if (running !== null) return { KAFKA_BROKERS: running.kafkaBrokers.join(',') };
  console.error(
    'No "npm start" runs here and KAFKA_BROKERS is not set: what has changed is told the next time.',
  );
  return { PUBLISH: 'none' };
}

/** The file with the vendor's key: a program gets it as a file, never as a variable. */
function keyFile(vendor: string, env: Env, folder: string): string {
  const name = KEYS[vendor];
  if (name === undefined)
    throw new UsageError(`--vendor ${vendor}: expected one of ${Object.keys(KEYS).join(', ')}`);
  const given = env['API_KEY_FILE'] || env[`${name}_FILE`];
  if (given !== undefined && given !== '') return given;
  const key = env[name] ?? '';
  if (key === '')
    throw new UsageError(`A key is missing: set ${name} or ${name}_FILE, in the environment or in .env`);
  const path = join(folder, 'key');
  writeFileSync(path, key, { mode: 0o600 });
  return path;
}

try {
  await main();
} catch (error) {
  console.error(describeError(error));
  process.exitCode = 1;
}
