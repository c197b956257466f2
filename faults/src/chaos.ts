import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { JARS_FOLDER, KANDLE_FOLDER } from '@kandle/tooling/paths';
import { checkMachine } from '@kandle/servers/preflight';
import { claimFolder } from '@kandle/servers/process/run-record';
import { startServers } from '@kandle/servers/servers';
import { describeError } from '@kandle/runtime/errors';
import { ALL_FAULTS } from './catalogue/all-faults.ts';
import { SINK_FAULTS } from './catalogue/sinks.ts';
import { vendorFaults } from './catalogue/vendors.ts';
import type { Fault } from './catalogue/fault.ts';
import { helpText } from '@kandle/tooling/command';
import { CHAOS, type ChaosOptions, parseChaosOptions } from './chaos/options.ts';
import { reportLines, runChaos } from './chaos/run-chaos.ts';
import { scheduleFaults } from './chaos/schedule.ts';
import { NO_SINKS } from './stack/sinks.ts';
import { startStack } from './stack/stack.ts';

const FOLDER = join(KANDLE_FOLDER, 'chaos');
const LISTED = 40;

const stopping = new AbortController();

async function main(): Promise<void> {
  const options = parseChaosOptions(process.argv.slice(2), Date.now() % 1_000_000);
  if (options === null) return void process.stdout.write(helpText(CHAOS));
  if (options.sinks && NO_SINKS !== null) throw new RangeError(`Cannot start with --sinks${NO_SINKS}`);
  const faults = [
    ...ALL_FAULTS,
    ...vendorFaults(options.feeds),
    ...(options.sinks ? SINK_FAULTS : []),
  ].filter(({ name }) => options.only === null || name.includes(options.only));
  if (faults.length === 0) throw new RangeError(`Cannot start: no fault's name contains ${options.only}`);
  if (options.list) {
    for (const { fault } of scheduleFaults(faults, options.seed).take(LISTED)) console.log(fault.name);
    return;
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stopping.signal.aborted) process.exit(130);
      stopping.abort();
      console.log('Stopping … (again to stop at once)');
    });
  }
  await runIn(options, faults);
}

async function runIn(options: ChaosOptions, faults: readonly Fault[]): Promise<void> {
  await checkMachine({ jarsDir: JARS_FOLDER, dataDir: FOLDER });
  const claim = await claimFolder(FOLDER, console.log);
  try {
    for (const name of ['kafka', 'cassandra', 'logs'])
      rmSync(join(FOLDER, name), { recursive: true, force: true });
    const servers = await startServers({
      dataDir: FOLDER,
      jarsDir: JARS_FOLDER,
      randomPorts: true,
      onProgress: console.log,
      signal: stopping.signal,
      claim,
    });
    try {
      const stack = await startStack({
        servers: {
          kafkaBrokers: servers.kafka.brokers,
          cassandra: servers.cassandra,
          pidOf: (server) => servers[server].pid,
        },
        keyspace: 'kandle',
        isShared: false,
        folder: FOLDER,
        seed: options.seed,
        rate: options.rate,
        symbols: options.symbols,
        vendors: options.feeds,
        hasSinks: options.sinks,
        maySleep: true,
        say: console.log,
        onSpawn: (name, pid) => claim.recordChild(name, pid),
        onExit: (pid) => claim.forgetChild(pid),
      });
      try {
        console.log(
          `Seed ${options.seed}: faults for ${options.minutes} minutes under ${options.rate} trades/s …`,
        );
        const report = await runChaos(stack, {
          seed: options.seed,
          durationMs: options.minutes * 60_000,
          faults,
          say: console.log,
          signal: stopping.signal,
        });
        for (const line of reportLines(report)) console.log(line);
        if (report.differences.length > 0 || report.failed.length > 0) process.exitCode = 1;
      } finally {
        await stack.stop();
      }
    } finally {
      await servers.kill();
    }
  } finally {
    claim.release();
  }
}

try {
  await main();
} catch (error) {
  console.error(stopping.signal.aborted ? 'Stopped before a verdict.' : describeError(error));
  process.exitCode = stopping.signal.aborted ? 130 : 1;
}
// KafkaJS and the driver may leave a timer behind; everything of ours is closed.
process.exit(process.exitCode ?? 0);
