import { RetryableError } from '@kandle/runtime/errors';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPostgresStore } from '../src/postgres-store.ts';
import type { InstrumentStore } from '../src/store.ts';
import { NO_POSTGRES, type PostgresServer, startPostgres } from './postgres-server.ts';
import { describeStore } from './store-contract.ts';

describe.skipIf(NO_POSTGRES !== null)(`PostgreSQL${NO_POSTGRES ?? ''}`, () => {
  let server: PostgresServer;
  let store: InstrumentStore;
  beforeAll(async () => {
    server = await startPostgres();
    store = createPostgresStore(server.settings);
  });
  afterAll(async () => {
    await store.close();
    await server.remove();
  });

  describeStore('PostgreSQL', () => store);

  test('two that begin at once on an empty database make its tables once', async () => {
    const both = [createPostgresStore(server.settings), createPostgresStore(server.settings)];
    expect(await Promise.all(both.map((one) => one.outcome('x', 'y')))).toEqual([null, null]);
    await Promise.all(both.map((one) => one.close()));
  });

  test('answers what can be tried again while the server is away, and goes on when it is back', async () => {
    const tried = { feed: 'away', list: 'stocks:US', nowMs: 1_700_000_000_000 };
    const refuse = () => store.refresh(tried, () => ({ kind: 'refused', reason: 'x' }));
    await refuse();
    await server.kill();
    await expect(refuse()).rejects.toThrow(RetryableError);
    await server.start();
    await refuse();
    expect(await store.outcome('away', 'stocks:US')).toMatchObject({ takenAtMs: null, refusal: 'x' });
  });
});
