/** Where a page of rows ended: the next one begins after this key. */
export interface PageKey {
  /** The time of the last row, epoch milliseconds. */
  readonly timeMs: number;
  /** What orders rows of one time: a trade's id, a signal's symbol and rule; empty where a time has one row. */
  readonly key: string;
}

/** A token of at most this length is read; ids are far shorter. */
const MAX_TOKEN = 400;

/**
 * Makes a token of a page's end. It holds the place and nothing else, so that it stays good while rows are
 * revised, and is worth nothing to anybody who changes it: whatever it says, it is a bound value in a
 * statement.
 */
export function formatPageToken({ timeMs, key }: PageKey): string {
  return Buffer.from(`${timeMs} ${key}`, 'utf8').toString('base64url');
}

/** Reads a token; null if it is none. */
export function parsePageToken(token: string): PageKey | null {
  if (token.length > MAX_TOKEN || !/^[\w-]+$/.test(token)) return null;
  const [, time = '', key = ''] =
    /^(\d{1,15}) (.*)$/su.exec(Buffer.from(token, 'base64url').toString('utf8')) ?? [];
  return time === '' ? null : { timeMs: Number(time), key };
}
