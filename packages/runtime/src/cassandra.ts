import { auth, Client, type ClientOptions, errors, policies, types } from 'cassandra-driver';
import { z } from 'zod';
import { commaList, port } from './config.ts';
import { describeError, FatalError, PoisonError, RetryableError } from './errors.ts';
import { createName, createSecretFile } from './secret.ts';

/**
 * Variables of the Cassandra connection. The password is a file, so that it is in no environment, argument or
 * log; the user's name may be one, so that a manifest can give all parts the same variables.
 */
export const CassandraEnv = z.object({
  CASSANDRA_CONTACT_POINTS: commaList.default(['127.0.0.1']),
  CASSANDRA_PORT: port.default(9042),
  CASSANDRA_LOCAL_DATACENTER: z.string().default('datacenter1'),
  CASSANDRA_KEYSPACE: z
    .string()
    .regex(/^[a-z][a-z0-9_]{0,47}$/, 'expected a lower case keyspace name')
    .default('kandle'),
  CASSANDRA_TLS: z.stringbool().default(false),
  CASSANDRA_TLS_CA_FILE: z.string().optional(),
  /** The name in the nodes' certificate, which the driver reaches by their addresses. */
  CASSANDRA_TLS_SERVER_NAME: z.string().optional(),
  CASSANDRA_USERNAME: z.string().optional(),
  CASSANDRA_USERNAME_FILE: z.string().optional(),
  CASSANDRA_PASSWORD_FILE: z.string().optional(),
});

/** The Cassandra connection as read from the environment. */
export type CassandraSettings = z.infer<typeof CassandraEnv>;

const READ_TIMEOUT_MS = 12_000;
const CONNECT_TIMEOUT_MS = 5_000;
/**
 * The driver's own policy waits up to ten minutes: a function would go on answering 503 long after an outage.
 */
const RECONNECT_MIN_MS = 100;
const RECONNECT_MAX_MS = 2_000;

/**
 * Never sends a statement a second time by itself.
 *
 * The driver's default policy re-sends even non-idempotent statements after a socket error, which for a
 * conditional statement turns "unknown" into "lost the race against itself".
 */
export class NoRetry extends policies.retry.RetryPolicy {
  override onReadTimeout() {
    return this.rethrowResult();
  }
  override onRequestError() {
    return this.rethrowResult();
  }
  override onUnavailable() {
    return this.rethrowResult();
  }
  override onWriteTimeout() {
    return this.rethrowResult();
  }
}

/**
 * A Cassandra client with our time-outs, consistency and security settings; it connects when first used.
 *
 * 64-bit and arbitrary integers are bigints. Statements are prepared. Each connection reads the files of the
 * login anew: a changed password needs no restart.
 *
 * @throws {FatalError} If the user or the password stands alone, or the password or CA file cannot be read.
 */
export function createCassandra(
  settings: CassandraSettings,
  options: {
    readonly useKeyspace?: boolean;
    /** Instead of the login in the settings. */
    readonly login?: { readonly name: string; readonly password: string };
  } = {},
): Client {
  const config: ClientOptions = {
    contactPoints: settings.CASSANDRA_CONTACT_POINTS.map((host) => `${host}:${settings.CASSANDRA_PORT}`),
    localDataCenter: settings.CASSANDRA_LOCAL_DATACENTER,
    encoding: { useBigIntAsLong: true, useBigIntAsVarint: true },
    queryOptions: {
      consistency: types.consistencies.localQuorum,
      serialConsistency: types.consistencies.localSerial,
      prepare: true,
    },
    socketOptions: { connectTimeout: CONNECT_TIMEOUT_MS, readTimeout: READ_TIMEOUT_MS },
    policies: {
      reconnection: new policies.reconnection.ExponentialReconnectionPolicy(
        RECONNECT_MIN_MS,
        RECONNECT_MAX_MS,
        false,
      ),
    },
    pooling: { warmup: true },
    isMetadataSyncEnabled: false,
  };
  if (options.useKeyspace ?? true) config.keyspace = settings.CASSANDRA_KEYSPACE;
  if (settings.CASSANDRA_TLS) config.sslOptions = tlsOptions(settings);
  const { login } = options;
  const provider =
    login === undefined ? loginOf(settings) : new auth.PlainTextAuthProvider(login.name, login.password);
  if (provider !== null) config.authProvider = provider;
  return new Client(config);
}

/** Logs in with what the files hold at that moment. */
class FileAuthProvider extends auth.PlainTextAuthProvider {
  readonly #name: () => string;
  readonly #password: () => string;

  constructor(name: () => string, password: () => string) {
    super(name(), password());
    this.#name = name;
    this.#password = password;
  }

  override newAuthenticator(endpoint: string, name: string): auth.Authenticator {
    const provider = new auth.PlainTextAuthProvider(this.#name(), this.#password());
    return provider.newAuthenticator(endpoint, name);
  }
}

function loginOf(settings: CassandraSettings): auth.AuthProvider | null {
  const { CASSANDRA_USERNAME: username, CASSANDRA_PASSWORD_FILE: passwordFile } = settings;
  const name = createName(username, settings.CASSANDRA_USERNAME_FILE, 'CASSANDRA_USERNAME_FILE');
  if (name === null && passwordFile === undefined) return null;
  if (passwordFile === undefined)
    throw new FatalError('Cannot start: CASSANDRA_USERNAME needs CASSANDRA_PASSWORD_FILE');
  if (name === null) throw new FatalError('Cannot start: CASSANDRA_PASSWORD_FILE needs CASSANDRA_USERNAME');
  return new FileAuthProvider(name, createSecretFile(passwordFile, 'CASSANDRA_PASSWORD_FILE'));
}

function tlsOptions(settings: CassandraSettings): NonNullable<ClientOptions['sslOptions']> {
  const { CASSANDRA_TLS_CA_FILE: caFile, CASSANDRA_TLS_SERVER_NAME: servername } = settings;
  const options = { rejectUnauthorized: true, ...(servername === undefined ? {} : { servername }) };
  if (caFile === undefined) return options;
  const ca = createSecretFile(caFile, 'CASSANDRA_TLS_CA_FILE');
  // The driver copies these options for every connection that it makes.
  return Object.defineProperty(options, 'ca', { enumerable: true, get: () => [ca()] });
}

/** True if nobody knows whether a statement took effect: it timed out, or the connection broke under it. */
export function isUnknownOutcome(error: unknown): boolean {
  if (error instanceof errors.OperationTimedOutError) return true;
  if (error instanceof errors.ResponseError) {
    return UNKNOWN_CODES.has(error.code);
  }
  if (error instanceof errors.NoHostAvailableError) return true;
  return isSocketError(error);
}

/**
 * Codes of the native protocol v5: write time-out, write failure, unknown CAS outcome, overloaded, server
 * error.
 */
const UNKNOWN_CODES: ReadonlySet<number> = new Set([0x1100, 0x1500, 0x1700, 0x1001, 0x0000]);

/**
 * The socket's own error has a code; where the connection breaks under a request, the driver wraps it and says
 * so.
 */
function isSocketError(error: unknown): boolean {
  if (error instanceof errors.DriverError) return 'isSocketError' in error && error.isSocketError === true;
  return error instanceof Error && 'code' in error && typeof error.code === 'string';
}

/**
 * A driver's error as one of ours. Only a batch beyond Cassandra's size limit can never work; whatever else is
 * wrong with the database (away, overloaded, schema not applied yet) must not empty a topic into the dead
 * letters.
 *
 * @param action What could not be done: `write trades`.
 */
export function translateCassandraError(error: unknown, action: string): RetryableError | PoisonError {
  const message = `Cannot ${action}: ${describeError(error)}`;
  const tooLarge = error instanceof errors.ResponseError && /batch too large/i.test(error.message);
  return tooLarge
    ? new PoisonError(message, { cause: error })
    : new RetryableError(message, { cause: error });
}
