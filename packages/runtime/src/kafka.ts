import { Kafka, type KafkaConfig, logLevel } from 'kafkajs';
import { z } from 'zod';
import { commaList } from './config.ts';
import { FatalError } from './errors.ts';
import type { Logger } from './log.ts';
import { readSecret } from './secret.ts';

/**
 * Variables of the Kafka connection. The password is a file, so that it is in no environment, argument or log.
 */
export const KafkaEnv = z.object({
  KAFKA_BROKERS: commaList.default(['127.0.0.1:9092']),
  KAFKA_TLS: z.stringbool().default(false),
  KAFKA_TLS_CA_FILE: z.string().optional(),
  KAFKA_SASL_MECHANISM: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']).optional(),
  KAFKA_SASL_USERNAME: z.string().optional(),
  KAFKA_SASL_PASSWORD_FILE: z.string().optional(),
});

/** The Kafka connection as read from the environment. */
export type KafkaSettings = z.infer<typeof KafkaEnv>;

/**
 * A Kafka client with our log, time-outs and security settings. Connects when first used.
 *
 * @throws {FatalError} If SASL is set up by halves, or a secret file cannot be read.
 */
export function createKafka(settings: KafkaSettings, clientId: string, log: Logger): Kafka {
  const ca = settings.KAFKA_TLS_CA_FILE;
  const config: KafkaConfig = {
    clientId,
    brokers: [...settings.KAFKA_BROKERS],
    connectionTimeout: 3_000,
    requestTimeout: 15_000,
    retry: { initialRetryTime: 100, maxRetryTime: 2_000, retries: 5 },
    logLevel: logLevel.WARN,
    logCreator:
      () =>
      ({ level, log: { message, error, broker, groupId } }) =>
        // KafkaJS retries by itself: what it cannot mend reaches the caller as an error.
        log[level === logLevel.DEBUG || level === logLevel.INFO ? 'debug' : 'warn'](
          { kafka: { broker, groupId, error } },
          message,
        ),
  };
  if (settings.KAFKA_TLS)
    config.ssl = ca === undefined ? true : { ca: [readSecret(ca, 'KAFKA_TLS_CA_FILE')] };
  const sasl = readSasl(settings);
  return new Kafka(sasl === undefined ? config : { ...config, sasl });
}

function readSasl(settings: KafkaSettings): KafkaConfig['sasl'] {
  const { KAFKA_SASL_MECHANISM: mechanism, KAFKA_SASL_USERNAME: username } = settings;
  const passwordFile = settings.KAFKA_SASL_PASSWORD_FILE;
  if (mechanism === undefined) {
    if (username === undefined && passwordFile === undefined) return undefined;
    throw new FatalError('Cannot start: KAFKA_SASL_USERNAME and its password need KAFKA_SASL_MECHANISM');
  }
  if (username === undefined || passwordFile === undefined) {
    throw new FatalError(
      'Cannot start: KAFKA_SASL_MECHANISM needs KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD_FILE',
    );
  }
  const password = readSecret(passwordFile, 'KAFKA_SASL_PASSWORD_FILE');
  // One branch each: KafkaJS types the mechanism as a discriminant.
  if (mechanism === 'plain') return { mechanism, username, password };
  if (mechanism === 'scram-sha-256') return { mechanism, username, password };
  return { mechanism, username, password };
}
