import { DatabaseSync } from 'node:sqlite';
import type { Instrument } from '@kandle/market/instrument/instrument';
import { describeError, RetryableError } from '@kandle/runtime/errors';
import { COLUMNS, ON_CONFLICT, parseInstruments, parseOutcomes, toRow } from './rows.ts';
import type { InstrumentStore } from './store.ts';

/** Times are epoch milliseconds. SQLite has no exclusion constraint: two triggers are one. */
const overlap = (change: 'INSERT' | 'UPDATE') => `
  CREATE TRIGGER IF NOT EXISTS instruments_one_at_a_time_${change.toLowerCase()} BEFORE ${change} ON instruments
  WHEN EXISTS (
    SELECT 1 FROM instruments o
    WHERE o.feed = NEW.feed AND o.ticker = NEW.ticker AND o.valid_from <> NEW.valid_from
      AND (NEW.valid_to IS NULL OR o.valid_from < NEW.valid_to)
      AND (o.valid_to IS NULL OR NEW.valid_from < o.valid_to)
      AND (NEW.valid_to IS NULL OR NEW.valid_from < NEW.valid_to)
      AND (o.valid_to IS NULL OR o.valid_from < o.valid_to)
  )
  BEGIN SELECT RAISE(ABORT, 'a ticker means one instrument at a time'); END;`;
const SCHEMA = `
  PRAGMA journal_mode = WAL;
  PRAGMA busy_timeout = 5000;
  CREATE TABLE IF NOT EXISTS instruments (
    feed TEXT NOT NULL, ticker TEXT NOT NULL, valid_from INTEGER NOT NULL, valid_to INTEGER,
    list TEXT NOT NULL, id TEXT NOT NULL, market TEXT NOT NULL, currency TEXT NOT NULL, type TEXT NOT NULL,
    description TEXT NOT NULL, figi TEXT NOT NULL, isin TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('active', 'inactive')), absences INTEGER NOT NULL,
    PRIMARY KEY (feed, ticker, valid_from), CHECK (valid_to >= valid_from)
  ) STRICT;
  ${overlap('INSERT')}
  ${overlap('UPDATE')}
  CREATE TABLE IF NOT EXISTS refreshes (
    feed TEXT NOT NULL, list TEXT NOT NULL, tried_at INTEGER NOT NULL, taken_at INTEGER, refusal TEXT NOT NULL,
    PRIMARY KEY (feed, list)
  ) STRICT;`;

const INSERT = `INSERT INTO instruments (${COLUMNS.join(', ')}) VALUES (${COLUMNS.map((name) => `:${name}`).join(', ')}) ${ON_CONFLICT}`;
const NEWEST = `SELECT * FROM (SELECT *, max(valid_from) OVER (PARTITION BY ticker) AS newest FROM instruments WHERE feed = ?)
  WHERE valid_from = newest`;
const NOTE = `INSERT INTO refreshes (feed, list, tried_at, taken_at, refusal) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT (feed, list) DO UPDATE SET tried_at = excluded.tried_at, refusal = excluded.refusal,
  taken_at = coalesce(excluded.taken_at, taken_at)`;
const OUTCOME = `SELECT r.*, (SELECT count(*) FROM instruments i
  WHERE i.feed = r.feed AND i.list = r.list AND i.status = 'active') AS active
  FROM refreshes r WHERE feed = ? AND list = ?`;

/**
 * Instruments in a file of SQLite, for a laptop: nothing has to run for it.
 *
 * @param file `:memory:` for none.
 * @throws {RetryableError} If the file cannot be opened.
 */
export function createSqliteStore(file: string): InstrumentStore {
  const database = ask(() => new DatabaseSync(file));
  ask(() => database.exec(SCHEMA));

  function write(instruments: readonly Instrument[]): void {
    const insert = database.prepare(INSERT);
    for (const one of instruments) insert.run(toRow(one));
  }

  return {
    refresh: async (tried, decide) =>
      ask(() => {
        database.exec('BEGIN IMMEDIATE');
        try {
          const refresh = decide(parseInstruments(database.prepare(NEWEST).all(tried.feed)));
          const isTaken = refresh.kind === 'taken';
          if (isTaken) write(refresh.changed);
          const refusal = isTaken ? '' : refresh.reason;
          database
            .prepare(NOTE)
            .run(tried.feed, tried.list, tried.nowMs, isTaken ? tried.nowMs : null, refusal);
          database.exec('COMMIT');
          return refresh;
        } catch (error) {
          database.exec('ROLLBACK');
          throw error;
        }
      }),
    instruments: async (feed, list) =>
      ask(() =>
        parseInstruments(
          database
            .prepare('SELECT * FROM instruments WHERE feed = ? AND list = ? ORDER BY ticker, valid_from')
            .all(feed, list),
        ),
      ),
    outcome: async (feed, list) =>
      ask(() => parseOutcomes(database.prepare(OUTCOME).all(feed, list))[0] ?? null),
    async close() {
      database.close();
    },
  };
}

function ask<T>(question: () => T): T {
  try {
    return question();
  } catch (error) {
    throw new RetryableError(`Cannot keep instruments in SQLite: ${describeError(error)}`, { cause: error });
  }
}
