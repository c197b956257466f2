import { RetryableError } from './errors.ts';

/** The promise's result, if it comes in time. @throws {RetryableError} If it does not. */
export async function withDeadline<T>(promise: Promise<T>, deadlineMs: number, fact: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new RetryableError(`Cannot wait longer: ${fact} in ${deadlineMs} ms`)),
      deadlineMs,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
