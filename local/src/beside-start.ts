import { existsSync } from 'node:fs';
import { relative } from 'node:path';
import { askAtTerminal } from '@kandle/audit/ask';
import type { ExitCode, Output } from '@kandle/audit/main';
import { DATA_FOLDER, REPLAY_FOLDER } from '@kandle/tooling/paths';
import { readLiveOwner } from '@kandle/servers/process/run-record';
import { readServerAddresses } from '@kandle/servers/server-addresses';

const FOLDERS = [DATA_FOLDER, REPLAY_FOLDER];
const CONNECTIONS = ['KAFKA_BROKERS', 'CASSANDRA_CONTACT_POINTS', 'CASSANDRA_PORT'];

/** A program of the audit's image: arguments, environment and where text goes; resolves to its exit code. */
type Program = (
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  output: Output,
) => Promise<ExitCode>;

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Where the servers of a running start are; what the environment says comes before it. */
function addressesOfStart(): Readonly<Record<string, string>> | null {
  const running = FOLDERS.filter((folder) => readLiveOwner(folder) !== undefined);
  const [folder] = running;
  if (folder === undefined) return null;
  if (running.length > 1) say(`Two starts are running; this is the one in ${shown(folder)}.`);
  const { kafka, cassandra } = readServerAddresses(folder);
  return {
    KAFKA_BROKERS: kafka.brokers.join(','),
    CASSANDRA_CONTACT_POINTS: cassandra.contactPoints.join(','),
    CASSANDRA_PORT: String(cassandra.port),
    CASSANDRA_LOCAL_DATACENTER: cassandra.localDataCenter,
  };
}

function shown(folder: string): string {
  return relative(process.cwd(), folder);
}

/** What to do when nothing runs. */
function hint(verb: string): string {
  const kept = FOLDERS.find((folder) => existsSync(folder));
  return kept === undefined
    ? `Cannot ${verb}: nothing runs here, and there is no data yet. Begin with "npm start", and ${verb} in a second terminal.`
    : `Cannot ${verb}: nothing runs here, only data is kept in ${shown(kept)}. Run "npm start", and ${verb} in a second terminal; or set KAFKA_BROKERS and CASSANDRA_CONTACT_POINTS.`;
}

/**
 * Runs a program as on a cluster, but on the servers of a running `npm start` unless the environment names
 * others.
 *
 * @param verb What it does, for people: `audit`.
 */
export async function runBesideStart(verb: string, program: Program): Promise<ExitCode> {
  const args = process.argv.slice(2);
  const isGiven = CONNECTIONS.some((name) => (process.env[name] ?? '') !== '');
  if (isGiven || args.includes('--help') || args.includes('-h'))
    return program(args, process.env, { print, progress: say, ask: askAtTerminal });
  const addresses = addressesOfStart();
  if (addresses === null) {
    say(hint(verb));
    return 2;
  }
  return program(args, { ...process.env, ...addresses }, { print, progress: say, ask: askAtTerminal });
}
