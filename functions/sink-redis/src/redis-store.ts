import type { NewestAndRecords, Fields } from '@kandle/market/sink/newest';
import { withDeadline } from '@kandle/runtime/deadline';
import { describeError, RetryableError } from '@kandle/runtime/errors';
import type { Logger } from '@kandle/runtime/log';
import { createClient } from '@redis/client';
import type { NewestStore, Taken } from './store.ts';
import { TAKE_SCRIPT } from './take-script.ts';

/** How Redis is reached. */
export interface RedisSettings {
  readonly url: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** The authority of its certificate, PEM. */
  readonly ca: string | undefined;
  readonly keyPrefix: string;
  readonly maxRecords: number;
  readonly answerMs: number;
}

/** The store, and its connection. */
export interface RedisStore extends NewestStore {
  connect(): Promise<void>;
  close(): Promise<void>;
}

const RECONNECT_MIN_MS = 50;
const RECONNECT_MAX_MS = 1_000;
/** Pings of a quiet connection within the time that an answer may take. */
const PINGS = 3;

/**
 * Newest values and records in Redis or Valkey, an event in one script.
 *
 * A feed's keys have its name in braces: a proxy in front of a cluster keeps them in one slot.
 */
export function createRedisStore(settings: RedisSettings, log: Pick<Logger, 'warn'>): RedisStore {
  const { url, username, password, ca, answerMs } = settings;
  const client = createClient({
    url,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    socket: {
      connectTimeout: answerMs,
      // A server that says nothing, not even to a ping, is left, and what waits for it with it.
      socketTimeout: answerMs,
      reconnectStrategy: (tries) => Math.min(RECONNECT_MIN_MS * 2 ** tries, RECONNECT_MAX_MS),
      ...(url.startsWith('rediss:') ? { tls: true, ...(ca === undefined ? {} : { ca }) } : {}),
    },
    pingInterval: Math.ceil(answerMs / PINGS),
    // What waits for a connection waits here, and no longer than its event does.
    disableOfflineQueue: true,
  });
  let isAway = false;
  client.on('error', (error: unknown) => {
    if (!isAway) log.warn(`Cannot reach Redis: ${describeError(error)}`);
    isAway = true;
  });
  client.on('ready', () => (isAway = false));
  let waiting: Promise<void> | null = null;

  /** One wait for all that wait. */
  function whenReady(): Promise<void> {
    if (client.isReady) return Promise.resolve();
    waiting ??= new Promise((resolve) => {
      client.once('ready', () => {
        waiting = null;
        resolve();
      });
    });
    // It tries again for ever by itself; why it fails, its event says.
    if (!client.isOpen) client.connect().catch(() => undefined);
    return waiting;
  }

  // What has waited too long is not sent later, behind the back of who was told so.
  const connect = (): Promise<void> => withDeadline(whenReady(), answerMs, 'Redis is not ready');

  async function run(keys: string[], texts: string[]): Promise<Taken> {
    await connect();
    // Whole each time: less than a tenth of a usual event, and nothing to remember of a server that forgets it.
    const answering = client.eval(TAKE_SCRIPT, { keys, arguments: texts });
    const answer = await withDeadline(answering, answerMs, 'no answer');
    const [newer = 0, added = 0, dropped = 0] = Array.isArray(answer) ? answer.map(Number) : [];
    return { newer, added, dropped };
  }

  return {
    connect,
    async take(content) {
      try {
        return await run(keysOf(content, settings), textsOf(content, settings));
      } catch (error) {
        // Nothing of a good event is wrong for ever: memory is made free, a login is mended, a key removed.
        throw new RetryableError(`Cannot write to Redis: ${describeError(error)}`, { cause: error });
      }
    },
    close: async () => client.destroy(),
  };
}

function keysOf({ feed, stream, newest, records }: NewestAndRecords, { keyPrefix }: RedisSettings): string[] {
  const base = `${keyPrefix}:{${feed}}`;
  // No symbol's name can make a value's key one of these.
  const streams = [`${base}:stream:${stream}`, `${base}:seen:${stream}`];
  return [
    ...newest.map(({ kind, symbol }) => `${base}:${kind}:${symbol}`),
    ...(records.length === 0 ? [] : streams),
  ];
}

function textsOf({ newest, records }: NewestAndRecords, { maxRecords }: RedisSettings): string[] {
  return [
    String(newest.length),
    ...newest.flatMap(({ order, fields }) => [order.join(':'), ...listOf(fields)]),
    String(records.length),
    ...records.flatMap(({ id, fields }) => [id, ...listOf(fields)]),
    String(maxRecords),
  ];
}

function listOf(fields: Fields): string[] {
  const texts = Object.entries(fields).flat();
  return [String(texts.length), ...texts];
}
