import { describeError, RetryableError } from '@kandle/runtime/errors';
import { Pool, type PoolClient } from 'pg';
import type { Instrument } from '@kandle/market/instrument/instrument';
import { INSTRUMENT_COLUMNS } from '@kandle/market/view/columns';
import { ON_CONFLICT, parseInstruments, parseOutcomes, toRow } from './rows.ts';
import type { InstrumentStore } from './store.ts';

/** How PostgreSQL is reached. */
export interface PostgresSettings {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string | undefined;
  /** Certificate authority of its server; undefined for a line without TLS. */
  readonly ca: string | undefined;
}

const CONNECT_MS = 5_000;
/** A list of 30,000 instruments is written in about two seconds. */
const STATEMENT_MS = 60_000;

/** Made under a lock, for two that begin at once would both make it. `btree_gist` needs no superuser. */
const SCHEMA = `
  SELECT pg_advisory_xact_lock(hashtext('kandle.instruments'));
  CREATE EXTENSION IF NOT EXISTS btree_gist;
  CREATE TABLE IF NOT EXISTS instruments (
    feed text NOT NULL, ticker text NOT NULL, valid_from timestamptz NOT NULL, valid_to timestamptz,
    list text NOT NULL, id text NOT NULL, market text NOT NULL, currency text NOT NULL, type text NOT NULL,
    description text NOT NULL, figi text NOT NULL, isin text NOT NULL,
    status text NOT NULL CHECK (status IN ('active', 'inactive')), absences int NOT NULL,
    changed_at timestamptz NOT NULL, published boolean NOT NULL DEFAULT false,
    PRIMARY KEY (feed, ticker, valid_from), CHECK (valid_to >= valid_from),
    CONSTRAINT one_instrument_at_a_time
      EXCLUDE USING gist (feed WITH =, ticker WITH =, tstzrange(valid_from, valid_to) WITH &&)
  );
  CREATE INDEX IF NOT EXISTS instruments_by_id ON instruments (id);
  ALTER TABLE instruments ADD COLUMN IF NOT EXISTS changed_at timestamptz NOT NULL DEFAULT to_timestamp(0);
  ALTER TABLE instruments ADD COLUMN IF NOT EXISTS published boolean NOT NULL DEFAULT false;
  CREATE INDEX IF NOT EXISTS instruments_unpublished ON instruments (feed, changed_at) WHERE NOT published;
  CREATE TABLE IF NOT EXISTS refreshes (
    feed text NOT NULL, list text NOT NULL, tried_at timestamptz NOT NULL, taken_at timestamptz,
    refusal text NOT NULL, PRIMARY KEY (feed, list)
  );`;

/** Columns that hold times. */
const TIMES: ReadonlySet<string> = new Set(['valid_from', 'valid_to', 'changed_at']);
/** Times go in as epoch milliseconds, all rows as one JSON text. */
const INSERT = `INSERT INTO instruments (${INSTRUMENT_COLUMNS.join(', ')})
  SELECT ${INSTRUMENT_COLUMNS.map((name) => (TIMES.has(name) ? `to_timestamp(${name} / 1000.0)` : name)).join(', ')}
  FROM jsonb_to_recordset($1::jsonb) AS row (feed text, ticker text, valid_from bigint, valid_to bigint, list text,
    id text, market text, currency text, type text, description text, figi text, isin text, status text,
    absences int, changed_at bigint)
  ${ON_CONFLICT}`;
const NEWEST =
  'SELECT DISTINCT ON (ticker) * FROM instruments WHERE feed = $1 ORDER BY ticker, valid_from DESC';
const OF_LIST =
  'SELECT * FROM instruments WHERE feed = $1 AND list = $2 ORDER BY ticker COLLATE "C", valid_from';
const UNPUBLISHED =
  'SELECT * FROM instruments WHERE feed = $1 AND NOT published ORDER BY changed_at, ticker LIMIT $2';
const PUBLISHED = `UPDATE instruments i SET published = true
  FROM jsonb_to_recordset($1::jsonb) AS row (feed text, ticker text, valid_from bigint, changed_at bigint)
  WHERE i.feed = row.feed AND i.ticker = row.ticker AND i.valid_from = to_timestamp(row.valid_from / 1000.0)
    AND i.changed_at = to_timestamp(row.changed_at / 1000.0)`;
const NOTE = `INSERT INTO refreshes AS r (feed, list, tried_at, taken_at, refusal)
  VALUES ($1, $2, to_timestamp($3 / 1000.0), to_timestamp($4 / 1000.0), $5)
  ON CONFLICT (feed, list) DO UPDATE SET tried_at = excluded.tried_at, refusal = excluded.refusal,
  taken_at = coalesce(excluded.taken_at, r.taken_at)`;
const OUTCOME = `SELECT r.*, (SELECT count(*)::int FROM instruments i
  WHERE i.feed = r.feed AND i.list = r.list AND i.status = 'active') AS active
  FROM refreshes r WHERE feed = $1 AND list = $2`;

/** Instruments in PostgreSQL; its tables are made when they are first asked for. */
export function createPostgresStore(settings: PostgresSettings): InstrumentStore {
  const { ca, password, ...address } = settings;
  const pool = new Pool({
    ...address,
    ...(password === undefined ? {} : { password }),
    ssl: ca === undefined ? false : { ca },
    max: 2,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: STATEMENT_MS,
    application_name: 'kandle-instruments',
  });
  // A line that breaks while it is idle is opened again when it is needed.
  pool.on('error', () => undefined);
  let schema: Promise<unknown> | null = null;

  function prepare(): Promise<unknown> {
    schema ??= transaction((client) => client.query(SCHEMA));
    schema.catch(() => {
      schema = null;
    });
    return schema;
  }

  async function transaction<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    const client = await pool.connect();
    let fault: unknown;
    try {
      await client.query('BEGIN');
      const result = await work(client);
      await client.query('COMMIT');
      return result;
    } catch (error) {
      fault = error;
      throw error;
    } finally {
      // A line on which something failed is closed, and its transaction with it.
      client.release(fault !== undefined);
    }
  }

  async function write(client: PoolClient, instruments: readonly Instrument[]): Promise<void> {
    if (instruments.length > 0) await client.query(INSERT, [JSON.stringify(instruments.map(toRow))]);
  }

  function query<T>(
    statement: string,
    values: readonly (string | number)[],
    parse: (rows: readonly unknown[]) => T,
  ): Promise<T> {
    return ask(async () => {
      await prepare();
      return parse((await pool.query(statement, [...values])).rows);
    });
  }

  return {
    refresh: (tried, decide) =>
      ask(async () => {
        await prepare();
        return await transaction(async (client) => {
          await client.query('SELECT pg_advisory_xact_lock(hashtext($1))', [`kandle.refresh.${tried.feed}`]);
          const refresh = decide(parseInstruments((await client.query(NEWEST, [tried.feed])).rows));
          const isTaken = refresh.kind === 'taken';
          if (isTaken) {
            // A ticker is left before another takes it.
            await write(
              client,
              refresh.changed.filter(({ validToMs }) => validToMs !== null),
            );
            await write(
              client,
              refresh.changed.filter(({ validToMs }) => validToMs === null),
            );
          }
          const refusal = isTaken ? '' : refresh.reason;
          const { feed, list, nowMs } = tried;
          await client.query(NOTE, [feed, list, nowMs, isTaken ? nowMs : null, refusal]);
          return refresh;
        });
      }),
    instruments: (feed, list) => query(OF_LIST, [feed, list], parseInstruments),
    outcome: (feed, list) => query(OUTCOME, [feed, list], (rows) => parseOutcomes(rows)[0] ?? null),
    unpublished: (feed, limit) => query(UNPUBLISHED, [feed, limit], parseInstruments),
    published: (instruments) => query(PUBLISHED, [JSON.stringify(instruments.map(toRow))], () => undefined),
    publishAgain: (feed) =>
      query('UPDATE instruments SET published = false WHERE feed = $1', [feed], () => undefined),
    close: () => pool.end(),
  };
}

async function ask<T>(question: () => Promise<T>): Promise<T> {
  try {
    return await question();
  } catch (error) {
    throw new RetryableError(`Cannot keep instruments in PostgreSQL: ${describeError(error)}`, {
      cause: error,
    });
  }
}
