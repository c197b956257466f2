import { expect, test } from 'vitest';
import { unlessAborted } from './unless-aborted.ts';

const never = new Promise<never>(() => undefined);

test('unlessAborted() gives what the promise brings, when nobody aborts', async () => {
  const { signal } = new AbortController();
  expect(await unlessAborted(Promise.resolve(7), signal)).toBe(7);
  expect(await unlessAborted(Promise.resolve(8), undefined)).toBe(8);
  await expect(unlessAborted(Promise.reject(new Error('no')), signal)).rejects.toThrow('no');
});

test('unlessAborted() throws the reason at once, when it is aborted before or meanwhile', async () => {
  const reason = new Error('enough');
  const controller = new AbortController();
  const waiting = unlessAborted(never, controller.signal);
  controller.abort(reason);
  await expect(waiting).rejects.toBe(reason);
  await expect(unlessAborted(never, controller.signal)).rejects.toBe(reason);
});
