import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer } from 'node:tls';
import { freePort } from '@kandle/servers/ports/ports';
import { afterAll, expect, onTestFinished, test, vi } from 'vitest';
import { runFeed } from './running-feed.ts';

const folder = mkdtempSync(join(tmpdir(), 'kandle-tls-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A certificate that signs itself, for 127.0.0.1. */
function certificate(name: string): { readonly cert: string; readonly key: string } {
  const cert = join(folder, `${name}.pem`);
  const key = join(folder, `${name}.key`);
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'];
  const form = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  execFileSync('openssl', [...form, '-days', '2', ...subject, '-keyout', key, '-out', cert], {
    stdio: 'ignore',
  });
  return { cert, key };
}

const ours = certificate('ours');
const foreign = certificate('foreign');
const LINE = '{"type":"trade","symbol":"AAPL","price":1,"size":2,"time":"2026-11-29T00:00:00Z"}\n';

const startFeed = (changes: Readonly<Record<string, string>>) =>
  runFeed({ VENDOR: 'ndjson', NDJSON_MAPPING: 'trades', ...changes });

async function startTlsServer({
  cert,
  key,
}: {
  readonly cert: string;
  readonly key: string;
}): Promise<number> {
  const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (socket) => {
    socket.on('error', () => undefined);
    socket.write(LINE);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return port;
}

test('a dialled TLS feed brings its lines, if the other side is signed by whom it is to be signed by', async () => {
  const port = await startTlsServer(ours);
  const { frames } = startFeed({ FEED_URL: `tls://127.0.0.1:${port}`, TLS_CA_FILE: ours.cert });
  await vi.waitFor(() => expect(frames).toHaveLength(1));
  expect(frames[0]).toMatchObject({ kind: 'trade', entries: [{ s: 'AAPL', p: 1, v: 2 }] });
});

test.each([
  ['signed by somebody else', foreign, { TLS_CA_FILE: ours.cert }],
  ['signed by nobody whom the system knows', ours, {}],
])('a dialled TLS feed takes nothing from a side that is %s, and says why', async (_, theirs, trust) => {
  const port = await startTlsServer(theirs);
  const { frames, waits } = startFeed({ FEED_URL: `tls://127.0.0.1:${port}`, ...trust });
  await vi.waitFor(() => expect(waits.length).toBeGreaterThan(1));
  expect(waits[0]?.[0]).toMatch(/self.signed certificate/);
  expect(frames).toEqual([]);
});

test('a TLS feed that listens shows its certificate, and goes on when somebody speaks no TLS', async () => {
  const port = await freePort();
  const { frames } = startFeed({
    FEED_URL: `tls-listen://127.0.0.1:${port}`,
    TLS_CERT_FILE: ours.cert,
    TLS_KEY_FILE: ours.key,
  });
  await vi.waitFor(() => reach(port));
  const plain = connectTcp(port, '127.0.0.1', () => plain.write(LINE));
  plain.on('error', () => undefined);
  await once(plain, 'close');
  const sender = connect({ port, host: '127.0.0.1', ca: readFileSync(ours.cert) }, () => sender.write(LINE));
  sender.on('error', () => undefined);
  onTestFinished(() => void sender.destroy());
  await vi.waitFor(() => expect(frames).toHaveLength(1));
  const doubter = connect({ port, host: '127.0.0.1', ca: readFileSync(foreign.cert) });
  const [error] = await once(doubter, 'error');
  expect(String(error)).toMatch(/self.signed certificate/);
});

test('a TLS feed goes by certificates that were changed, where it dials and where it listens', async () => {
  const mine = { cert: join(folder, 'mine.pem'), key: join(folder, 'mine.key'), ca: join(folder, 'ca.pem') };
  const change = (to: typeof ours): void => {
    copyFileSync(to.cert, mine.cert);
    copyFileSync(to.key, mine.key);
  };
  change(foreign);
  copyFileSync(foreign.cert, mine.ca);
  const dialled = await startTlsServer(ours);
  const dialling = startFeed({ FEED_URL: `tls://127.0.0.1:${dialled}`, TLS_CA_FILE: mine.ca });
  const port = await freePort();
  const files = { TLS_CERT_FILE: mine.cert, TLS_KEY_FILE: mine.key };
  startFeed({ FEED_URL: `tls-listen://127.0.0.1:${port}`, ...files });
  await vi.waitFor(() => reach(port));
  await vi.waitFor(() => expect(dialling.waits.length).toBeGreaterThan(0));
  change(ours);
  copyFileSync(ours.cert, mine.ca);
  await vi.waitFor(() => expect(dialling.frames.length).toBeGreaterThan(0), 5_000);
  await vi.waitFor(async () => {
    const caller = connect({ port, host: '127.0.0.1', ca: readFileSync(ours.cert) });
    onTestFinished(() => void caller.destroy());
    await once(caller, 'secureConnect');
  }, 5_000);
});

async function reach(port: number): Promise<void> {
  const socket = connectTcp(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.destroy();
}
