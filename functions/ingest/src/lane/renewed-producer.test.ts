import { RetryableError } from '@kandle/runtime/errors';
import { expect, test, vi } from 'vitest';
import { createRenewedProducer } from './renewed-producer.ts';

const never = () => new Promise<void>(() => undefined);

test('makes a new producer after three failures in a row, and not before', async () => {
  const fault = { isThere: true };
  const create = vi.fn(() => ({
    async send() {
      if (fault.isThere) throw new RetryableError('Cannot produce');
    },
    connect: async () => undefined,
    close: async () => undefined,
  }));
  const producer = createRenewedProducer('topic', create);
  expect(create).not.toHaveBeenCalled();
  for (let n = 0; n < 3; n++) await expect(producer.send([])).rejects.toThrow(RetryableError);
  expect(create).toHaveBeenCalledTimes(1);
  fault.isThere = false;
  await producer.send([]);
  expect(create).toHaveBeenCalledTimes(2);
  await producer.close();
});

test('does not wait for ever for an acknowledgement', async () => {
  vi.useFakeTimers();
  try {
    const producer = createRenewedProducer('topic', () => ({ send: never, connect: never, close: never }));
    const sent = expect(producer.send([])).rejects.toThrow(/no answer about topic in 60000 ms/);
    await vi.advanceTimersByTimeAsync(60_000);
    await sent;
    const closed = producer.close();
    await vi.advanceTimersByTimeAsync(3_000);
    await closed;
  } finally {
    vi.useRealTimers();
  }
});
