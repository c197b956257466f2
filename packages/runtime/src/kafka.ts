import { Kafka, type KafkaConfig, logLevel } from 'kafkajs';
import { z } from 'zod';
import { commaList } from './config.ts';
import { FatalError } from './errors.ts';
import type { Logger } from './log.ts';
import { createName, createSecretFile } from './secret.ts';

/**
 * Variables of the Kafka connection. The password is a file, so that it is in no environment, argument or log;
 * the user's name may be one, so that a manifest can give all parts the same variables.
 */
export const KafkaEnv = z.object({
  KAFKA_BROKERS: commaList.default(['127.0.0.1:9092']),
  KAFKA_TLS: z.stringbool().default(false),
  KAFKA_TLS_CA_FILE: z.string().optional(),
  KAFKA_SASL_MECHANISM: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']).optional(),
  KAFKA_SASL_USERNAME: z.string().optional(),
  KAFKA_SASL_USERNAME_FILE: z.string().optional(),
  KAFKA_SASL_PASSWORD_FILE: z.string().optional(),
});

/** The Kafka connection as read from the environment. */
export type KafkaSettings = z.infer<typeof KafkaEnv>;

/**
 * A Kafka client with our log, time-outs and security settings. Connects when first used. Each connection reads
 * the files of the login anew: a changed password needs no restart.
 *
 * @throws {FatalError} If SASL is set up by halves, or a secret file cannot be read.
 */
export function createKafka(settings: KafkaSettings, clientId: string, log: Logger): Kafka {
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
  if (settings.KAFKA_TLS) config.ssl = tlsOptions(settings.KAFKA_TLS_CA_FILE);
  const sasl = readSasl(settings);
  return new Kafka(sasl === undefined ? config : { ...config, sasl });
}

function tlsOptions(caFile: string | undefined): NonNullable<KafkaConfig['ssl']> {
  if (caFile === undefined) return true;
  const ca = createSecretFile(caFile, 'KAFKA_TLS_CA_FILE');
  return {
    // KafkaJS hands this object to every connection that it makes.
    get ca() {
      return [ca()];
    },
  };
}

function readSasl(settings: KafkaSettings): KafkaConfig['sasl'] {
  const { KAFKA_SASL_MECHANISM: mechanism, KAFKA_SASL_PASSWORD_FILE: passwordFile } = settings;
  const name = createName(
    settings.KAFKA_SASL_USERNAME,
    settings.KAFKA_SASL_USERNAME_FILE,
    'KAFKA_SASL_USERNAME_FILE',
  );
  if (mechanism === undefined) {
    if (name === null && passwordFile === undefined) return undefined;
    throw new FatalError('Cannot start: KAFKA_SASL_USERNAME and its password need KAFKA_SASL_MECHANISM');
  }
  if (name === null || passwordFile === undefined) {
    throw new FatalError(
      'Cannot start: KAFKA_SASL_MECHANISM needs KAFKA_SASL_USERNAME (or its file) and KAFKA_SASL_PASSWORD_FILE',
    );
  }
  const password = createSecretFile(passwordFile, 'KAFKA_SASL_PASSWORD_FILE');
  // KafkaJS keeps this object, and looks into it at every login. One getter each would be lost by a spread.
  const login = <Mechanism extends string>(mechanism: Mechanism) => ({
    mechanism,
    get username() {
      return name();
    },
    get password() {
      return password();
    },
  });
  // One branch each: KafkaJS types the mechanism as a discriminant.
  if (mechanism === 'plain') return login(mechanism);
  if (mechanism === 'scram-sha-256') return login(mechanism);
  return login(mechanism);
}
