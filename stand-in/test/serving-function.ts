import { appendFileSync, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * A tiny function for the tests of the stand-in of Serving. A request's body says how long it takes; the answer
 * says which process took it and how many it had under way.
 */
const { PORT, READY_AFTER_MS = '0', STARTS_FILE = '', CRASH_FILE = '', NEVER_READY } = process.env;
appendFileSync(STARTS_FILE, `${Date.now()} ${process.pid}\n`);
if (existsSync(CRASH_FILE)) process.exit(1);

const readyAtMs = performance.now() + Number(READY_AFTER_MS);
const isReady = (): boolean => NEVER_READY === undefined && performance.now() >= readyAtMs;
let inFlight = 0;
let stopping = false;

const server = createServer((request, response) => {
  if (request.method === 'GET') {
    response.writeHead(request.url === '/health/readiness' && isReady() ? 200 : 503).end();
    return;
  }
  const wasReady = isReady();
  inFlight += 1;
  let text = '';
  request.on('data', (chunk: Buffer) => (text += chunk.toString()));
  request.on('end', () => void answer(Number(text)));
  async function answer(delayMs: number): Promise<void> {
    const seen = inFlight;
    await sleep(delayMs);
    inFlight -= 1;
    response
      .writeHead(wasReady ? 200 : 500)
      .end(
        JSON.stringify({ pid: process.pid, inFlight: seen }),
        () => stopping && server.closeIdleConnections(),
      );
  }
});
server.listen(Number(PORT), '127.0.0.1');

process.once('SIGTERM', () => {
  console.log(`SIGTERM with ${inFlight} under way`);
  stopping = true;
  server.close(() => process.exit(0));
});
