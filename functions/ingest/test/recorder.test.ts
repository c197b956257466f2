import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startReplayServer } from '@kandle/feeds/replay/replay-server';
import { envOfSource } from '@kandle/feeds/replay/env-of-source';
import { startVendorMarket } from '@kandle/feeds/vendor/vendor-market';
import { VENDOR_SERVERS, type VendorName } from '@kandle/feeds/vendor/vendor-servers';
import { freePort } from '@kandle/servers/ports/ports';
import { expect, onTestFinished, test, vi } from 'vitest';
import { runFeed } from './running-feed.ts';

const SYMBOLS = ['AAPL', 'MSFT'];
const PART_MS = 1_000;
/** A second until it is flushed, and what is under way. */
const LOST_MS = 2_000;
const RECORD_MS = 4_500;

/** The recorder of `npm run record`, as a process of its own. */
function startRecorder(env: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(tmpdir(), 'kandle-record-'));
  const child = spawn(process.execPath, [join(import.meta.dirname, '../src/record.ts')], {
    env: { ...process.env, RECORD_FILE: join(folder, 'x.jsonl.gz'), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => said.push(String(text)));
  onTestFinished(async () => {
    await kill(child);
    rmSync(folder, { recursive: true });
  });
  return { child, folder, said: () => said.join('') };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

test('a recorder of each vendor that is killed leaves parts that play, and has lost no more than its last seconds', async () => {
  const names = Object.keys(VENDOR_SERVERS) as readonly VendorName[];
  await Promise.all(
    names.map(async (name) => {
      const options = { feed: name, symbols: SYMBOLS, seed: 1, everyMs: 20, redeliverMs: 0 };
      const market = await startVendorMarket(name, options);
      onTestFinished(() => market.close());
      const { child, folder, said } = startRecorder({ ...market.env, RECORD_PART_MS: String(PART_MS) });
      await vi.waitFor(() => expect(market.told().length).toBeGreaterThan(0), 20_000);
      await sleep(RECORD_MS);
      await kill(child);
      const killedMs = Date.now();
      expect(said(), name).toContain('connected (1)');

      const parts = readdirSync(folder)
        .toSorted()
        .map((part) => join(folder, part));
      expect(parts.length, name).toBeGreaterThanOrEqual(3);
      const replay = await startReplayServer({ file: parts, port: 0, speed: 'max' });
      onTestFinished(() => replay.close());
      const { entries, events } = runFeed(
        {
          ...envOfSource(replay.source),
          FEED_URL: replay.url,
          SYMBOLS: replay.symbols.join(','),
          REPLAY_SPEED: 'max',
        },
        replay.symbols,
      );
      await vi.waitFor(() => expect(events, name).toContain('end'), 10_000);
      const told = market.told();
      // One who is asked tells the last of all symbols each time.
      const played = [...new Set(entries().map(({ s, p }) => `${String(s)} ${String(p)}`))];
      const kept = told.filter(({ atMs }) => atMs < killedMs - LOST_MS);
      expect(kept.length, name).toBeGreaterThan(50);
      expect(played.slice(0, kept.length), name).toEqual(
        [...new Set(told.map(({ symbol, price }) => `${symbol} ${price}`))].slice(0, kept.length),
      );
    }),
  );
});

test('a recorder that cannot write says so in one line, and ends with 1', async () => {
  const port = await freePort();
  const { child, said } = startRecorder({
    VENDOR: 'ndjson',
    FEED_URL: `tcp-listen://127.0.0.1:${port}`,
    RECORD_FILE: '/nowhere/x.jsonl.gz',
  });
  expect(await once(child, 'exit')).toEqual([1, null]);
  expect(said()).toMatch(/^record: Cannot write \/nowhere\/x\.jsonl\.gz: .*ENOENT.*\n$/);
});

const CONNECTIONS = 10_000;
const MAX_GROWTH_KB = 20 * 1_024;
const LINE = `${JSON.stringify({ type: 'trade', id: 1, symbol: 'GOOD', price: 1, size: 1, time: '2026-11-29T10:00:00Z' })}\n`;

test('10,000 who connect at once and never end a line cost a feed that listens at most 20 MB, and the first goes on', async () => {
  const port = await freePort();
  const { child, said } = startRecorder({
    VENDOR: 'ndjson',
    FEED_URL: `tcp-listen://127.0.0.1:${port}`,
    NDJSON_MAPPING: 'trades',
    SILENCE_MS: '60000',
  });
  const good = await vi.waitFor(() => dial(port), 20_000);
  const framesSaid = () => Number(/.*\b(\d+) frames/s.exec(said())?.[1] ?? 0);
  const speak = setInterval(() => good.write(LINE), 10);
  onTestFinished(() => clearInterval(speak));
  await vi.waitFor(() => expect(framesSaid()).toBeGreaterThan(0), 20_000);
  const before = residentKb(child);
  const sockets: Socket[] = [];
  onTestFinished(() => sockets.forEach((socket) => socket.destroy()));
  let most = before;
  for (let round = 0; round < CONNECTIONS / 100; round++) {
    const opened = await Promise.all(Array.from({ length: 100 }, () => dial(port)));
    // Half a line each, a little more each time.
    for (const socket of [...opened, ...sockets.slice(-100)]) if (!socket.destroyed) socket.write('{"half":');
    sockets.push(...opened);
    most = Math.max(most, residentKb(child));
  }
  expect(sockets).toHaveLength(CONNECTIONS);
  expect(most - before).toBeLessThan(MAX_GROWTH_KB);
  process.stderr.write(`10,000 connections: ${((most - before) / 1_024).toFixed(1)} MB more\n`);
  const known = framesSaid();
  await vi.waitFor(() => expect(framesSaid()).toBeGreaterThan(known), 20_000);
  expect(good.destroyed).toBe(false);
}, 60_000);

async function dial(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port });
  socket.on('error', () => undefined);
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

function residentKb({ pid }: ChildProcess): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? Number.NaN);
}
