import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type ServerChild, startChild } from '../process/child.ts';
import { heapOptions, javaCommand } from '../jars/java.ts';
import { type KafkaProperties, renderKafkaProperties } from './kafka-properties.ts';
import { isKafkaReady } from './kafka-ready.ts';
import type { ServerPorts } from '../ports/ports.ts';
import type { ServerOptions } from '../server-options.ts';
import { StartError } from '@kandle/tooling/start-error';

/** Ready in 2 to 10 s; a long log to recover after kill -9 on a busy machine takes longer. */
const readyDeadlineMs = 120_000;
const formatDeadlineMs = 60_000;

/** What a broker needs to start. */
export interface KafkaOptions extends ServerOptions {
  readonly ports: Pick<ServerPorts, 'kafka' | 'kafkaController'>;
  /** Settings that replace or add to ours, for fault tests. */
  readonly properties?: KafkaProperties | undefined;
}

/**
 * Starts a real Kafka broker (KRaft, its own controller) and waits until it answers.
 *
 * A data folder that was used before is found again, also with other ports.
 *
 * @throws {StartError} If it cannot be formatted, ends while starting or is not ready in 120 s.
 * @throws The reason of `signal` once it is aborted; nothing runs then.
 */
export async function startKafka(options: KafkaOptions): Promise<ServerChild> {
  const { libDir, dataDir, ports, heapMb = 512, signal } = options;
  const logDir = join(dataDir, 'log');
  const settings = join(dataDir, 'server.properties');
  mkdirSync(dataDir, { recursive: true });
  const place = { port: ports.kafka, controllerPort: ports.kafkaController, logDir };
  writeFileSync(settings, renderKafkaProperties(place, options.properties));
  const classpath = join(libDir, '*');
  if (!existsSync(join(logDir, 'meta.properties'))) await format(classpath, settings, signal);
  return startChild({
    role: 'kafka',
    command: javaCommand(process.env),
    args: [
      ...heapOptions(heapMb, options.wholeHeap),
      '-XX:+UseSerialGC',
      '-XX:+ExitOnOutOfMemoryError',
      '-Dorg.slf4j.simpleLogger.showDateTime=true',
      '-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd HH:mm:ss.SSS',
      // Hundreds of lines of settings at every start; they are in server.properties.
      '-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaConfig=warn',
      '-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config=warn',
      '-cp',
      classpath,
      'kafka.Kafka',
      settings,
    ],
    cwd: dataDir,
    logFile: join(dataDir, 'server.log'),
    isReady: () => isKafkaReady(ports.kafka),
    readyDeadlineMs,
    onProgress: options.onProgress,
    signal,
    claim: options.claim,
  });
}

async function format(classpath: string, settings: string, signal: AbortSignal): Promise<void> {
  // A cluster id is 16 random bytes in URL-safe base64; one that begins with "-" would be read as an option.
  const clusterId = `K${randomBytes(16).toString('base64url').slice(1)}`;
  // Half-formatted by a kill: format what is missing.
  const args = [
    '-cp',
    classpath,
    'kafka.tools.StorageTool',
    'format',
    '--ignore-formatted',
    '-t',
    clusterId,
    '-c',
    settings,
  ];
  try {
    await promisify(execFile)(javaCommand(process.env), args, { signal, timeout: formatDeadlineMs });
  } catch (error) {
    signal.throwIfAborted();
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError(`Cannot format ${settings}: ${reason.slice(0, 500)}`, { cause: error });
  }
}
