import { CONDITIONAL, readFromCassandra, SERIAL_READ, writeConditionally } from '@kandle/runtime/conditional';
import type { Client, types } from 'cassandra-driver';
import type { Notice, NoticeStatus, StoredNotice } from '@kandle/market/notification/signal-record';
import type { NoticeStore, SignalKey } from './store.ts';

const READ = 'SELECT * FROM notifications WHERE feed = ? AND signal_id = ?';
const RAISE = 'UPDATE notifications SET revision = ? WHERE feed = ? AND signal_id = ? IF revision = ?';
const SET =
  'state = ?, status = ?, attempts = ?, status_code = ?, reason = ?, claimed_at = ?, settled_at = ?, delay_ms = ?';
const ROW = 'WHERE feed = ? AND signal_id = ? AND target = ? AND version = ?';
const WRITE = `UPDATE notifications SET ${SET} ${ROW}`;
const LEASE = `UPDATE notifications USING TTL ? SET claimed_by = ? ${ROW}`;
const SETTLE = `UPDATE notifications SET ${SET}, claimed_by = null ${ROW}`;
/** An expired row is not written anew: it has no status. */
const SETTLE_SENT = `${SETTLE} IF status IN ('claimed', 'failed', 'unclear', 'refused')`;
const SETTLE_OTHER = `${SETTLE} IF status = 'claimed' AND attempts = ?`;

const WRITING = 'write what was announced';

/**
 * The record in Cassandra: one conditional batch per decision on a signal, however many targets it has.
 *
 * @param owner Who this process is, for people who look at a claim.
 */
export function createNoticeStore(client: Client, owner: string): NoticeStore {
  return {
    async read({ feed, signalId }) {
      const { rows } = await readFromCassandra('read what was announced', () =>
        client.execute(READ, [feed, signalId], SERIAL_READ),
      );
      return {
        revision: Number(rows[0]?.['revision'] ?? 0),
        notices: rows.filter((row) => row['target'] !== null && row['status'] !== null).map(toNotice),
      };
    },
    decide: (key, revision, notices, leaseMs) =>
      writeConditionally(WRITING, () =>
        client.batch(
          [
            {
              query: RAISE,
              params: [revision + 1, key.feed, key.signalId, revision === 0 ? null : revision],
            },
            ...notices.map((notice) => ({
              query: WRITE,
              params: [...values(notice), ...rowKey(key, notice)],
            })),
            ...notices
              .filter(({ status }) => status === 'claimed')
              .map((notice) => ({
                query: LEASE,
                params: [Math.ceil(leaseMs / 1_000), owner, ...rowKey(key, notice)],
              })),
          ],
          CONDITIONAL,
        ),
      ),
    settle: (key, notice) =>
      writeConditionally(WRITING, () => {
        const params = [...values(notice), ...rowKey(key, notice)];
        return notice.status === 'sent'
          ? client.execute(SETTLE_SENT, params, CONDITIONAL)
          : client.execute(SETTLE_OTHER, [...params, notice.attempts], CONDITIONAL);
      }),
  };
}

/** Every column, so that all of a row expires together. */
function values(notice: Notice): unknown[] {
  const { state, status, attempts, statusCode, reason, claimedAtMs, settledAtMs, delayMs } = notice;
  return [
    state,
    status,
    attempts,
    statusCode,
    reason,
    new Date(claimedAtMs),
    settledAtMs === null ? null : new Date(settledAtMs),
    delayMs === null ? null : BigInt(delayMs),
  ];
}

function rowKey({ feed, signalId }: SignalKey, { target, version }: Notice): unknown[] {
  return [feed, signalId, target, version];
}

function toNotice(row: types.Row): StoredNotice {
  return {
    target: String(row['target']),
    version: Number(row['version']),
    state: row['state'] === 'retracted' ? 'retracted' : 'active',
    status: String(row['status']) as NoticeStatus,
    attempts: Number(row['attempts']),
    statusCode: row['status_code'] === null ? null : Number(row['status_code']),
    reason: String(row['reason'] ?? ''),
    claimedAtMs: timeOf(row['claimed_at']) ?? 0,
    settledAtMs: timeOf(row['settled_at']),
    delayMs: row['delay_ms'] === null ? null : Number(row['delay_ms']),
    isLeased: row['claimed_by'] !== null,
  };
}

function timeOf(value: unknown): number | null {
  return value instanceof Date ? value.getTime() : null;
}
