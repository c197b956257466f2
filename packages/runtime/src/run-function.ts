import type { z } from 'zod';
import { type AvroEvents, createAvroEvents } from './avro/avro-events.ts';
import type { Env } from './config.ts';
import { describeError } from './errors.ts';
import { type FunctionEnv, type ServedFunction, serveFunction } from './function-server.ts';
import { createLogger, type Logger } from './log.ts';
import { startMetrics, stopMetrics } from './metrics.ts';

/** A function with its connections. */
export interface WiredFunction extends Omit<ServedFunction, 'avro'> {
  /** Opens connections ahead of the first event; a failure is only logged, the first event tries again. */
  readonly warmUp: () => Promise<void>;
}

/**
 * The main program of a function: reads its configuration, wires it, serves it, and connects in the background.
 *
 * A bad configuration ends the process with one line on standard error and exit code 1.
 */
export async function runFunction<Config extends z.infer<typeof FunctionEnv>>(
  name: string,
  readConfig: (env: Env) => Config,
  wire: (config: Config, log: Logger, avro: AvroEvents | null) => WiredFunction,
): Promise<void> {
  try {
    const config = readConfig(process.env);
    const log = createLogger(name, config.LOG_LEVEL);
    startMetrics(config, config.OTEL_SERVICE_NAME ?? name, log);
    const avro = createAvroEvents(config);
    const wired = wire(config, log, avro);
    Promise.all([wired.warmUp(), avro?.warmUp()]).catch((error: unknown) => {
      log.warn(`Cannot connect yet: ${describeError(error)}`);
    });
    const close = async (): Promise<void> => {
      const sent = stopMetrics();
      try {
        await wired.close();
      } finally {
        await sent;
      }
    };
    await serveFunction(name, { ...wired, close, avro }, config, log);
  } catch (error) {
    process.stderr.write(`${name}: ${describeError(error)}\n`);
    process.exit(1);
  }
}
