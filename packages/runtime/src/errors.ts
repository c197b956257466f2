/** What an error is about, as fields: they stand beside its text in the log. */
export type Facts = Readonly<Record<string, string | number>>;

/** What an error is made of beside its text. */
export interface ErrorDetails extends ErrorOptions {
  readonly facts?: Facts;
}

/** An error with its facts as fields. */
class ErrorWithFacts extends Error {
  readonly facts: Facts;

  constructor(message: string, { facts = {}, ...options }: ErrorDetails = {}) {
    super(message, options);
    this.facts = facts;
  }
}

/** The world is briefly wrong (a server away, a lost race): answered 503, delivered again. */
export class RetryableError extends ErrorWithFacts {
  override name = 'RetryableError';
}

/** The event is wrong for ever: answered 422, to the dead letters at once with its reason. */
export class PoisonError extends ErrorWithFacts {
  override name = 'PoisonError';
}

/**
 * The process is wrong (bad configuration, a bug in its wiring): answered 500, and the process ends with exit
 * code 1.
 */
export class FatalError extends ErrorWithFacts {
  override name = 'FatalError';
}

/** The facts of anything thrown; none of what is not one of ours. */
export function factsOf(error: unknown): Facts {
  return error instanceof ErrorWithFacts ? error.facts : {};
}

/** The message of anything thrown, for a log line or an answer: one line, never more than 500 characters. */
export function describeError(error: unknown): string {
  const message = error instanceof Error ? error.message || error.name : String(error);
  const text = message.trim().replace(/\s*\n\s*/g, ' ');
  return text.length > 500 ? `${text.slice(0, 497)}...` : text;
}
