import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import * as z from 'zod/mini';
import { ApiError, ask } from './api.ts';

const RowsSchema = z.object({ rows: z.array(z.number()) });

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return `http://127.0.0.1:${port}/`;
}

test('an answer is read', async () => {
  const url = await serve((_request, response) => response.end('{"rows":[1,2]}'));
  expect(await ask(RowsSchema, url)).toEqual({ rows: [1, 2] });
});

test.each<readonly [string, string, RequestListener]>([
  [
    'a line that is lost in the middle of an answer',
    'No answer from the server',
    (_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{"rows":[1,', () => response.destroy());
    },
  ],
  [
    'an answer that never ends',
    'No answer from the server',
    (_request, response) => {
      response.writeHead(200);
      response.write('{"rows":[1,');
    },
  ],
  ['an answer that is no JSON', 'something else', (_request, response) => response.end('<p>Hello</p>')],
  ['an answer of another shape', 'something else', (_request, response) => response.end('{"rows":1}')],
  [
    'a problem in words',
    'No such symbol',
    (_request, response) => response.writeHead(404).end('{"title":"No such symbol"}'),
  ],
  ['a problem without JSON', 'busy', (_request, response) => response.writeHead(503).end('busy\n')],
  ['a problem without words', 'Status 502', (_request, response) => response.writeHead(502).end()],
])('%s is told as an error of the interface', async (_what, message, listener) => {
  const url = await serve(listener);
  const asked = ask(RowsSchema, url, { signal: AbortSignal.timeout(500) });
  await expect(asked).rejects.toThrow(ApiError);
  await expect(asked).rejects.toThrow(message);
});
