import type { KafkaSettings } from '@kandle/runtime/kafka';
import { readSecret } from '@kandle/runtime/secret';
import { Connection, type ConnectionOptions } from '@platformatic/kafka';

/**
 * One connection to the first broker, for requests that KafkaJS does not know (SCRAM users).
 *
 * @throws If the broker is away, or refuses the login.
 */
export async function connectBroker(settings: KafkaSettings): Promise<Connection> {
  const options: ConnectionOptions = {};
  const { KAFKA_TLS_CA_FILE: caFile, KAFKA_SASL_MECHANISM: mechanism } = settings;
  const [host = '', port = ''] = (settings.KAFKA_BROKERS[0] ?? '').split(':');
  if (settings.KAFKA_TLS) {
    options.tls = caFile === undefined ? {} : { ca: [readSecret(caFile, 'KAFKA_TLS_CA_FILE')] };
    options.tlsServerName = true;
  }
  if (mechanism !== undefined)
    options.sasl = {
      mechanism: SASL_NAMES[mechanism],
      username:
        settings.KAFKA_SASL_USERNAME ??
        readSecret(settings.KAFKA_SASL_USERNAME_FILE ?? '', 'KAFKA_SASL_USERNAME_FILE'),
      password: readSecret(settings.KAFKA_SASL_PASSWORD_FILE ?? '', 'KAFKA_SASL_PASSWORD_FILE'),
    };
  const connection = new Connection('kandle-rights', options);
  await connection.connect(host, Number(port));
  return connection;
}

const SASL_NAMES = {
  plain: 'PLAIN',
  'scram-sha-256': 'SCRAM-SHA-256',
  'scram-sha-512': 'SCRAM-SHA-512',
} as const;
