/**
 * Something on this machine keeps the local stack from starting, and the message says what to do.
 *
 * The caller prints the message alone (no stack trace) and exits with code 1. Several findings are several
 * lines.
 */
export class StartError extends Error {
  override readonly name = 'StartError';
}
