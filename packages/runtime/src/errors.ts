/** The world is briefly wrong (a server away, a lost race): answered 503, delivered again. */
export class RetryableError extends Error {
  override name = 'RetryableError';
}

/** The event is wrong for ever: answered 422, to the dead letters at once with its reason. */
export class PoisonError extends Error {
  override name = 'PoisonError';
}

/** The process is wrong (bad configuration, a bug in its wiring): answered 500, and the process ends with exit code 1. */
export class FatalError extends Error {
  override name = 'FatalError';
}

/** The message of anything thrown, for a log line or an answer; never more than 500 characters. */
export function describeError(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.length > 500 ? `${text.slice(0, 497)}...` : text;
}
