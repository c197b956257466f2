import { expect, onTestFinished, test, vi } from 'vitest';
import { z } from 'zod';
import { listenToStream, type StreamClient } from './event-stream.ts';
import { startQueryProcess } from './query-process.ts';
import { useStreamTopics } from './stream-topics.ts';

const { settings, admin, sendCandles } = useStreamTopics('stream');

const CandlesSchema = z.object({ rows: z.array(z.object({ symbol: z.string(), version: z.number() })) });

/** The versions of a symbol that a client has heard of, in the order in which they came. */
function versionsOf({ seen }: StreamClient, symbol: string): readonly number[] {
  return seen
    .filter(({ name }) => name === 'candles')
    .flatMap(({ data }) => CandlesSchema.parse(data).rows)
    .filter((row) => row.symbol === symbol)
    .map(({ version }) => version);
}

const began = (client: StreamClient) =>
  vi.waitFor(() => expect(client.seen.map(({ name }) => name)).toContain('begin'), 30_000);

test('fifty streams have one consumer, hear only of what they asked for, and leave no group behind; one more than there may be is refused', async () => {
  const query = await startQueryProcess({ ...settings, MAX_STREAMS: '50' });
  const groups = async () =>
    (await admin.listGroups()).groups.filter(({ groupId }) => groupId.startsWith('kandle-query-stream-'))
      .length;
  const before = await groups();
  const clients = Array.from({ length: 50 }, (_, n) =>
    listenToStream(() => `${query.url}/v1/stream?symbol=${n % 2 === 0 ? 'SIM:A' : 'SIM:B'}&kind=candles`),
  );
  onTestFinished(async () => void (await Promise.all(clients.map((client) => client.stop()))));
  await Promise.all(clients.map(began));
  expect((await groups()) - before).toBe(1);
  expect((await fetch(`${query.url}/v1/stream`)).status).toBe(429);
  const first = await sendCandles(['SIM:A', 'SIM:B']);
  const last = await sendCandles(['SIM:A', 'SIM:B']);
  for (const [n, client] of clients.entries()) {
    const [own, other] = n % 2 === 0 ? ['SIM:A', 'SIM:B'] : ['SIM:B', 'SIM:A'];
    await vi.waitFor(() => expect(versionsOf(client, own)).toEqual([first, last]), 30_000);
    expect(versionsOf(client, other)).toEqual([]);
  }
  await query.end('SIGTERM');
  await vi.waitFor(async () => expect(await groups()).toBe(before), 30_000);
});
