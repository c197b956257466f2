import { TOPICS } from '@kandle/market/event/topics';
import { CassandraEnv } from '@kandle/runtime/cassandra';
import { type Env, logLevel, readEnv, wholeNumber } from '@kandle/runtime/config';
import { KafkaEnv } from '@kandle/runtime/kafka';
import { z } from 'zod';

/** Every variable that it takes, with its default. */
export const envSchema = z.object({
  ...KafkaEnv.shape,
  ...CassandraEnv.shape,
  LOG_LEVEL: logLevel.default('info'),
  /** How long to try again while Cassandra or Kafka is not ready; 0 is one try. */
  TRY_FOR_MS: wholeNumber(0, 3_600_000).default(60_000),
  /** The folder of the steps, `001-….cql` and so on. */
  CQL_FOLDER: z.string().min(1).default('cql'),
  /** Copies of the keyspace, as CQL writes them. Used when the keyspace is made, and never again. */
  CASSANDRA_REPLICATION: z
    .string()
    .regex(/^\{[\w\s':,]+\}$/, "expected a CQL map such as {'class': 'NetworkTopologyStrategy', 'dc1': 3}"),
  /** Time to live of rows, each used when its tables are made. Windows outlive `EXPIRY_MS` of aggregate. */
  WINDOWS_DAYS: wholeNumber(1, 3_650).default(16),
  TRADES_DAYS: wholeNumber(1, 3_650).default(30),
  CANDLES_DAYS: wholeNumber(1, 3_650).default(400),
  /**
   * The group that everything in Cassandra comes from, and what it reads: what an empty keyspace is held
   * against.
   */
  TRANSFORM_GROUP: z.string().min(1).default('kandle-transform'),
  RAW_TOPIC: z.string().min(1).default(TOPICS.raw),
  /** Begin with an empty keyspace, although Kafka holds events that were read already. */
  ACCEPT_EMPTY: z.stringbool().default(false),
  /** Give the roles of grants.cql what stands there, and take away the rest; they must be there already. */
  GRANT_RIGHTS: z.stringbool().default(false),
});

/** The configuration of the schema program. */
export type SchemaConfig = z.infer<typeof envSchema>;

/** Reads the configuration once, at start. @throws {FatalError} Naming every missing or malformed variable. */
export function readConfig(env: Env): SchemaConfig {
  return readEnv(envSchema, env);
}
