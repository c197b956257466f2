import { z } from 'zod';
import { readEnv } from '../src/config.ts';
import { FatalError, PoisonError, RetryableError } from '../src/errors.ts';
import { FunctionEnv } from '../src/function-server.ts';
import type { ReceivedEvent } from '../src/received-event.ts';
import { runFunction } from '../src/run-function.ts';

/** A function whose outcome the event itself names; run as a process of its own by `running-function.ts`. */
const FixtureEnv = z.object({ ...FunctionEnv.shape, CLOSE_MS: z.string().default('0') });

const Order = z.object({ do: z.string(), ms: z.number().default(0) });

// A test run that dies closes the pipe, and must leave no function behind.
process.stdin.once('end', () => process.exit(2)).resume();

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

await runFunction(
  'fixture',
  (env) => readEnv(FixtureEnv, env),
  (config, log) => {
    const outcomes: Readonly<Record<string, (event: ReceivedEvent, ms: number) => unknown>> = {
      nothing: () => undefined,
      wait: async (_, ms) => {
        log.info('begun');
        await wait(ms);
        log.info('ended');
      },
      echo: ({ id, type, source, attributes, data, offset }) => {
        throw new PoisonError(
          JSON.stringify({ id, type, source, data, offset: String(offset), shard: attributes['shard'] }),
        );
      },
      poison: () => {
        throw new PoisonError('Cannot count it: wrong for ever');
      },
      retryable: () => {
        throw new RetryableError('Cannot write: the database is away');
      },
      refused: () => {
        throw Object.assign(new Error('connect failed'), { code: 'ECONNREFUSED' });
      },
      'code 256': () => {
        throw Object.assign(new Error('bad credentials'), { code: 256 });
      },
      'code 204': () => {
        throw Object.assign(new Error('looks like success'), { code: 204, statusCode: 204 });
      },
      text: () => Promise.reject('only text'),
      fatal: () => {
        throw new FatalError('Cannot go on: broken wiring');
      },
      crash: () => {
        setTimeout(() => {
          throw new Error('nobody catches this');
        });
        return wait(5_000);
      },
      reject: () => {
        void Promise.reject(new Error('nobody awaits this'));
        return wait(5_000);
      },
    };
    return {
      types: ['io.kandle.test.v1', 'io.kandle.large.v1'],
      atOnce: { 'io.kandle.large.v1': 2 },
      warmUp: () => Promise.reject(new Error('the database is away')),
      handle: async (event) => {
        const order = Order.parse(event.data);
        await outcomes[order.do]?.(event, order.ms);
      },
      close: async () => {
        log.info('closed');
        await wait(Number(config.CLOSE_MS));
      },
    };
  },
);
