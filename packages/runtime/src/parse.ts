import { describeError, PoisonError } from './errors.ts';

/**
 * What a parser returns; whatever it throws says that the event is wrong for ever.
 *
 * @param what What is being read, for the message: `trade batch`.
 * @throws {PoisonError} With the parser's reason in one line.
 */
export function parseOrPoison<T>(what: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new PoisonError(`Cannot read the ${what}: ${oneLine(error)}`, { cause: error });
  }
}

interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** A zod error's first issues with their paths; any other error's message. */
function oneLine(error: unknown): string {
  if (!(error instanceof Error) || !('issues' in error) || !Array.isArray(error.issues))
    return describeError(error);
  const issues = error.issues as readonly Issue[];
  return issues
    .slice(0, 3)
    .map((issue) => `${issue.path.map(String).join('.') || 'data'}: ${issue.message}`)
    .join('; ');
}
