import { DatabaseSync } from 'node:sqlite';
import type { Instrument } from '@kandle/market/instrument/instrument';
import { INSTRUMENT_COLUMNS } from '@kandle/market/view/columns';
import { describeError, RetryableError } from '@kandle/runtime/errors';
import { ON_CONFLICT, parseInstruments, parseOutcomes, toRow } from './rows.ts';
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
    changed_at INTEGER NOT NULL, published INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (feed, ticker, valid_from), CHECK (valid_to >= valid_from)
  ) STRICT;
  ${overlap('INSERT')}
  ${overlap('UPDATE')}
  CREATE TABLE IF NOT EXISTS refreshes (
    feed TEXT NOT NULL, list TEXT NOT NULL, tried_at INTEGER NOT NULL, taken_at INTEGER, refusal TEXT NOT NULL,
    PRIMARY KEY (feed, list)
  ) STRICT;`;
/** What the first files lack: SQLite has no ADD COLUMN IF NOT EXISTS. */
const ADDED = ['changed_at', 'published'].map(
  (name) => `ALTER TABLE instruments ADD COLUMN ${name} INTEGER NOT NULL DEFAULT 0`,
);
const INDEX =
  'CREATE INDEX IF NOT EXISTS instruments_unpublished ON instruments (feed, changed_at) WHERE published = 0';

const INSERT = `INSERT INTO instruments (${INSTRUMENT_COLUMNS.join(', ')}) VALUES (${INSTRUMENT_COLUMNS.map((name) => `:${name}`).join(', ')}) ${ON_CONFLICT}`;
const NEWEST = `SELECT * FROM (SELECT *, max(valid_from) OVER (PARTITION BY ticker) AS newest FROM instruments WHERE feed = ?)
  WHERE valid_from = newest`;
const UNPUBLISHED =
  'SELECT * FROM instruments WHERE feed = ? AND published = 0 ORDER BY changed_at, ticker LIMIT ?';
const PUBLISHED =
  'UPDATE instruments SET published = 1 WHERE feed = ? AND ticker = ? AND valid_from = ? AND changed_at = ?';
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
  ask(() => {
    database.exec(SCHEMA);
    const columns = database.prepare('PRAGMA table_info(instruments)').all();
    if (!columns.some(({ name }) => name === 'published')) for (const add of ADDED) database.exec(add);
    database.exec(INDEX);
  });

  function write(instruments: readonly Instrument[]): void {
    const insert = database.prepare(INSERT);
    for (const one of instruments) insert.run(toRow(one));
  }

  function transaction<T>(work: () => T): T {
    database.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      database.exec('COMMIT');
      return result;
    } catch (error) {
      database.exec('ROLLBACK');
      throw error;
    }
  }

  return {
    refresh: async (tried, decide) =>
      ask(() =>
        transaction(() => {
          const refresh = decide(parseInstruments(database.prepare(NEWEST).all(tried.feed)));
          const isTaken = refresh.kind === 'taken';
          if (isTaken) write(refresh.changed);
          const refusal = isTaken ? '' : refresh.reason;
          database
            .prepare(NOTE)
            .run(tried.feed, tried.list, tried.nowMs, isTaken ? tried.nowMs : null, refusal);
          return refresh;
        }),
      ),
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
    unpublished: async (feed, limit) =>
      ask(() => parseInstruments(database.prepare(UNPUBLISHED).all(feed, limit))),
    published: async (instruments) =>
      ask(() => {
        const note = database.prepare(PUBLISHED);
        transaction(() => {
          for (const { feed, ticker, validFromMs, changedAtMs } of instruments)
            note.run(feed, ticker, validFromMs, changedAtMs);
        });
      }),
    publishAgain: async (feed) =>
      ask(() => void database.prepare('UPDATE instruments SET published = 0 WHERE feed = ?').run(feed)),
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
