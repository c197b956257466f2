import { createServer } from 'node:net';
import { findPortHolder } from './port-holder.ts';
import { StartError } from '@kandle/tooling/start-error';

/**
 * The option of the start command (without its dashes) and the usual port, for each port the two servers need.
 */
const portSpecs = {
  kafka: { option: 'kafka-port', usual: 9092 },
  kafkaController: { option: 'kafka-controller-port', usual: 9093 },
  cassandra: { option: 'cassandra-port', usual: 9042 },
  cassandraStorage: { option: 'cassandra-storage-port', usual: 7000 },
  cassandraJmx: { option: 'cassandra-jmx-port', usual: 7199 },
} as const;

type PortName = keyof typeof portSpecs;

const portNames = Object.keys(portSpecs) as readonly PortName[];

/** One TCP port of 127.0.0.1 for each purpose, all different. */
export type ServerPorts = Readonly<Record<PortName, number>>;

/** Ports that a user insists on, by option name (`kafka-port`); the others are chosen. */
export type GivenPorts = Readonly<Record<string, number>>;

/**
 * First and last port tried when the usual one is busy: below Linux's range of outgoing connections (32768 up).
 */
const firstSpare = 20_000;
const lastSpare = 32_000;

/**
 * Chooses the ports of both servers: what is given, else the usual port, else a spare one.
 *
 * @param given A given port that is busy is an error, never silently replaced.
 * @param options `random: true` skips the usual ports, for tests that run beside a live stack.
 * @throws {StartError} Naming every given port that is busy, out of range or given twice, with its option.
 */
export async function choosePorts(
  given: GivenPorts = {},
  options: { random?: boolean } = {},
): Promise<ServerPorts> {
  const problems: string[] = [];
  const taken = new Map<number, PortName>();
  for (const name of portNames) {
    const port = given[portSpecs[name].option];
    if (port === undefined) continue;
    const problem = await findProblem(name, port, taken.get(port));
    if (problem !== undefined) problems.push(problem);
    taken.set(port, name);
  }
  if (problems.length > 0) throw new StartError(problems.join('\n'));
  const ports: Partial<Record<PortName, number>> = {};
  for (const name of portNames) {
    const port =
      given[portSpecs[name].option] ??
      (await chooseFree(taken, options.random === true ? undefined : portSpecs[name].usual));
    taken.set(port, name);
    ports[name] = port;
  }
  return ports as ServerPorts;
}

/** A free port of 127.0.0.1 for one more server, never one that the system hands to outgoing connections. */
export function freePort(): Promise<number> {
  return chooseFree(new Map());
}

/**
 * Ports of what a run serves beside its servers, as a person knows them: OpenTelemetry's for exporters, and one
 * of ours.
 */
const USUAL_PORTS = { 'metrics-port': 9_464, 'query-port': 8_089 } as const;

/**
 * The port of the exporter of metrics, or of the query function: what is given, else the usual one, else a
 * spare one.
 *
 * @param option The name of the option that gives one.
 * @throws {StartError} If a given port is busy.
 */
export async function chooseServedPort(
  option: keyof typeof USUAL_PORTS,
  given: number | undefined,
): Promise<number> {
  if (given === undefined) return chooseFree(new Map(), USUAL_PORTS[option]);
  if (await isPortFree(given)) return given;
  throw new StartError(`--${option} ${given}: the port is in use; give another or leave the option out.`);
}

/** Whether a server could listen on this port of 127.0.0.1 now. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => resolve(true)));
  });
}

async function findProblem(
  name: PortName,
  port: number,
  sameAs: PortName | undefined,
): Promise<string | undefined> {
  const { option } = portSpecs[name];
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    return `--${option} ${port}: a port is a whole number from 1 to 65535.`;
  if (sameAs !== undefined)
    return `--${option} ${port}: the same port is given as --${portSpecs[sameAs].option}; give another.`;
  if (await isPortFree(port)) return undefined;
  const holder = findPortHolder(port);
  const by = holder === undefined ? '' : ` by ${holder}`;
  return `--${option} ${port}: the port is in use${by}; give another or leave the option out.`;
}

async function chooseFree(taken: ReadonlyMap<number, unknown>, usual?: number): Promise<number> {
  if (usual !== undefined && !taken.has(usual) && (await isPortFree(usual))) return usual;
  // Random, not counting up: two stacks that start in the same second must not both find the same port free.
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const port = firstSpare + Math.floor(Math.random() * (lastSpare - firstSpare));
    if (!taken.has(port) && (await isPortFree(port))) return port;
  }
  throw new StartError(
    `No free port found between ${firstSpare} and ${lastSpare}; name some with the port options.`,
  );
}
