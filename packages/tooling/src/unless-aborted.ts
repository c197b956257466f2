/**
 * What a promise brings, unless the signal comes first: what it still does then is for nobody.
 *
 * @throws The reason of the signal, once it is aborted.
 */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    // Whoever loses the race may still fail; nobody is interested.
    promise.catch(() => undefined);
    aborted.catch(() => undefined);
  }
}
