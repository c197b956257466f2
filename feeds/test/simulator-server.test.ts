import { afterEach, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { type SimulatorOptions, startSimulator } from '../src/simulator/server.ts';

const cleanUps: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

async function serve(changes: Partial<SimulatorOptions> = {}) {
  const simulator = await startSimulator({ port: 0, seed: 1, rate: 2_000, symbols: 5, ...changes });
  cleanUps.push(() => simulator.close());
  return simulator;
}

interface Entry {
  readonly s: string;
  readonly t: number;
}

function connect(url: string, symbols: readonly string[]) {
  const socket = new WebSocket(`${url}?token=any`);
  const seen = { pings: 0, trades: [] as Entry[], frames: 0, largestFrame: 0, closed: false };
  socket.on('error', () => undefined);
  socket.on('close', () => {
    seen.closed = true;
  });
  socket.on('open', () => {
    for (const symbol of symbols) socket.send(JSON.stringify({ type: 'subscribe', symbol }));
  });
  socket.on('message', (data: Buffer) => {
    const frame: { type: string; data?: Entry[] } = JSON.parse(data.toString());
    if (frame.type === 'ping') seen.pings += 1;
    if (frame.type !== 'trade') return;
    seen.frames += 1;
    seen.largestFrame = Math.max(seen.largestFrame, frame.data?.length ?? 0);
    seen.trades.push(...(frame.data ?? []));
  });
  cleanUps.push(() => socket.terminate());
  return { socket, seen };
}

test('trades what a client has subscribed to, with the time of now', async () => {
  const simulator = await serve();
  const [first = '', second = ''] = simulator.symbols;
  const { socket, seen } = connect(simulator.url, [first, second]);
  await vi.waitFor(() => expect(seen.trades.length).toBeGreaterThan(500), 5_000);
  expect(new Set(seen.trades.map(({ s }) => s))).toEqual(new Set([first, second]));
  expect(Math.abs(Date.now() - (seen.trades.at(-1)?.t ?? 0))).toBeLessThan(2_000);
  expect(simulator.stats().trades).toBeGreaterThanOrEqual(seen.trades.length);

  socket.send(JSON.stringify({ type: 'unsubscribe', symbol: second }));
  await vi.waitFor(() => {
    seen.trades.length = 0;
    return new Promise<void>((resolve, reject) =>
      setTimeout(() => {
        const others = seen.trades.some(({ s }) => s !== first);
        if (seen.trades.length > 20 && !others) resolve();
        else reject(new Error('still both'));
      }, 200),
    );
  }, 5_000);
});

test('falls silent and wakes when told to, and sends pings all the time', async () => {
  const lines: string[] = [];
  const simulator = await serve({ onProgress: (line) => lines.push(line) });
  const { seen } = connect(simulator.url, simulator.symbols);
  await vi.waitFor(() => expect(seen.trades.length).toBeGreaterThan(0), 5_000);
  simulator.setSilent(true);
  expect(simulator.stats().isSilent).toBe(true);
  const { trades } = simulator.stats();
  const { pings } = seen;
  await vi.waitFor(() => expect(seen.pings).toBeGreaterThanOrEqual(pings + 2), 5_000);
  expect(simulator.stats().trades).toBe(trades);
  const wokenMs = Date.now();
  seen.trades.length = 0;
  simulator.setSilent(false);
  await vi.waitFor(() => expect(seen.trades.length).toBeGreaterThan(0), 5_000);
  // What was not traded is not made up for.
  expect(seen.trades[0]?.t).toBeGreaterThan(wokenMs - 1_000);
  expect(lines).toEqual(['the market falls silent', 'the market trades again']);
});

test('has one client at a time: a newer one takes its place', async () => {
  const simulator = await serve();
  const older = connect(simulator.url, simulator.symbols);
  await vi.waitFor(() => expect(older.seen.trades.length).toBeGreaterThan(0), 5_000);
  const newer = connect(simulator.url, simulator.symbols);
  await vi.waitFor(() => expect(older.seen.closed).toBe(true), 5_000);
  await vi.waitFor(() => expect(newer.seen.trades.length).toBeGreaterThan(0), 5_000);
});

test('refuses a client without a key', async () => {
  const simulator = await serve();
  const socket = new WebSocket(simulator.url);
  const status = await new Promise<number | undefined>((resolve) => {
    socket.on('unexpected-response', (_request, response) => resolve(response.statusCode));
    socket.on('error', () => undefined);
  });
  expect(status).toBe(401);
});
