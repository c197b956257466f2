import { CONDITIONAL, readFromCassandra, SERIAL_READ, writeConditionally } from '@kandle/runtime/conditional';
import { column, jsonColumn, parseRow } from '@kandle/runtime/cassandra-rows';
import { ToldSchema } from '@kandle/market/notification/told';
import type { Client, types } from 'cassandra-driver';
import { z } from 'zod';
import type { Notice, NoticeStatus, StoredNotice } from '@kandle/market/notification/signal-record';
import type { NoticeStore, SignalKey } from './store.ts';

const READ = 'SELECT * FROM notifications WHERE feed = ? AND signal_id = ?';
const RAISE = 'UPDATE notifications SET revision = ? WHERE feed = ? AND signal_id = ? IF revision = ?';
const SET =
  'state = ?, content = ?, status = ?, attempts = ?, status_code = ?, reason = ?, claimed_at = ?, settled_at = ?, delay_ms = ?';
const ROW = 'WHERE feed = ? AND signal_id = ? AND target = ? AND version = ?';
const WRITE = `UPDATE notifications SET ${SET} ${ROW}`;
const LEASE = `UPDATE notifications USING TTL ? SET claimed_by = ? ${ROW}`;
const END = `UPDATE notifications SET ${SET}, claimed_by = null ${ROW}`;
/** An expired row is not written anew: it has no status. */
const END_SENT = `${END} IF status IN ('claimed', 'failed', 'unclear', 'refused')`;
const END_OTHER = `${END} IF status = 'claimed' AND attempts = ?`;

const READING = 'read what was announced';
const WRITING = 'write what was announced';

/**
 * The record in Cassandra: one conditional batch per decision on a signal, however many targets it has.
 *
 * @param owner Who this process is, for people who look at a claim.
 */
export function createNoticeStore(client: Client, owner: string): NoticeStore {
  return {
    async read({ feed, signalId }) {
      const { rows } = await readFromCassandra(READING, () =>
        client.execute(READ, [feed, signalId], SERIAL_READ),
      );
      const [first] = rows;
      return {
        revision: first === undefined ? 0 : parseRow(RevisionSchema, first, READING).revision,
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
    finish: (key, notice) =>
      writeConditionally(WRITING, () => {
        const params = [...values(notice), ...rowKey(key, notice)];
        return notice.status === 'sent'
          ? client.execute(END_SENT, params, CONDITIONAL)
          : client.execute(END_OTHER, [...params, notice.attempts], CONDITIONAL);
      }),
  };
}

/** Every column, so that all of a row expires together. */
function values(notice: Notice): unknown[] {
  const { state, content, status, attempts, statusCode, reason, claimedAtMs, endedAtMs, delayMs } = notice;
  return [
    state,
    content === null ? null : JSON.stringify(content),
    status,
    attempts,
    statusCode,
    reason,
    new Date(claimedAtMs),
    endedAtMs === null ? null : new Date(endedAtMs),
    delayMs === null ? null : BigInt(delayMs),
  ];
}

function rowKey({ feed, signalId }: SignalKey, { target, version }: Notice): unknown[] {
  return [feed, signalId, target, version];
}

const RevisionSchema = z.object({ revision: column.optionalInt });

const STATUSES = [
  'claimed',
  'sent',
  'failed',
  'unclear',
  'refused',
  'skipped',
] as const satisfies readonly NoticeStatus[];

/** One version of a signal at one target. */
const NoticeSchema = z.object({
  target: column.text,
  version: column.int,
  state: z.enum(['active', 'retracted']),
  content: jsonColumn(ToldSchema).nullable(),
  status: z.enum(STATUSES),
  attempts: column.int,
  status_code: column.int.nullable(),
  reason: column.optionalText,
  claimed_at: column.timestamp,
  settled_at: column.timestamp.nullable(),
  delay_ms: column.bigint.nullable(),
  claimed_by: column.text.nullable(),
});

function toNotice(row: types.Row): StoredNotice {
  const notice = parseRow(NoticeSchema, row, READING);
  return {
    target: notice.target,
    version: notice.version,
    state: notice.state,
    content: notice.content,
    status: notice.status,
    attempts: notice.attempts,
    statusCode: notice.status_code,
    reason: notice.reason,
    claimedAtMs: notice.claimed_at,
    endedAtMs: notice.settled_at,
    delayMs: notice.delay_ms === null ? null : Number(notice.delay_ms),
    isLeased: notice.claimed_by !== null,
  };
}
