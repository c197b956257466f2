import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { readPlan } from '@kandle/knative/read-plan';
import { logLevel, port, readEnv } from '@kandle/runtime/config';
import { describeError } from '@kandle/runtime/errors';
import { createKafka, KafkaEnv } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { z } from 'zod';
import { post } from './kafka-source/deliver.ts';
import { KANDLE_POLL, type Source, startSource } from './kafka-source/source.ts';

/**
 * The program of compose.yaml's `dispatcher`: every KafkaSource of `knative/base`, each with a login of its own
 * as on a cluster, to functions that run at `http://NAME:8080/`.
 *
 * It stands in for KafkaSource, for development only.
 */
const EnvSchema = z.object({
  KAFKA_BROKERS: KafkaEnv.shape.KAFKA_BROKERS,
  LOG_LEVEL: logLevel.default('info'),
  /** Answers whoever asks once every source reads. */
  HTTP_PORT: port.default(8080),
  /** The folder of the logins, `kafka-NAME/user` and `/password`. */
  LOGINS: z.string().min(1),
});

async function main(): Promise<void> {
  const config = readEnv(EnvSchema, process.env);
  const log = createLogger('dispatcher', config.LOG_LEVEL);
  const loginTo = (name: string) =>
    createKafka(
      KafkaEnv.parse({
        KAFKA_BROKERS: config.KAFKA_BROKERS.join(','),
        KAFKA_SASL_MECHANISM: 'scram-sha-512',
        KAFKA_SASL_USERNAME_FILE: join(config.LOGINS, `kafka-${name}`, 'user'),
        KAFKA_SASL_PASSWORD_FILE: join(config.LOGINS, `kafka-${name}`, 'password'),
      }),
      `dispatcher-${name}`,
      log,
    );
  const producer = loginTo('dead-letters').producer();
  await producer.connect();
  const { sources: plans } = await readPlan();
  const sources: readonly Source[] = await Promise.all(
    plans.map((plan) =>
      startSource(loginTo(`${plan.sink}-source`), producer, plan, {
        poll: KANDLE_POLL,
        send: (headers, body, timeoutMs) => post(`http://${plan.sink}:8080/`, headers, body, timeoutMs),
        log: (line) => log.warn(line),
      }),
    ),
  );
  const server = createServer((_, response) => response.end('reads\n'));
  server.listen(config.HTTP_PORT);
  await once(server, 'listening');
  log.info({ sources: plans.map(({ name }) => name) }, 'dispatcher begins');
  const stopping = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopping.abort());
  await once(stopping.signal, 'abort');
  server.close();
  await Promise.all(sources.map((source) => source.stop()));
  await producer.disconnect();
}

main().then(
  // KafkaJS may leave a timer behind; everything of ours is closed.
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`dispatcher: ${describeError(error)}\n`);
    process.exit(1);
  },
);
