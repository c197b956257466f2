import { type OutgoingHttpHeaders, request as requestHttp } from 'node:http';
import { readBody } from '../http-body.ts';

/** What is asked. */
interface Question {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly headers: OutgoingHttpHeaders;
  readonly body: string | undefined;
  readonly timeoutMs: number;
}

/** What was answered; a redirect is an answer, and is not followed. */
interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Far more than any schema. */
const MAX_BYTES = 1_048_576;

/**
 * Asks over HTTP or HTTPS. Not by `fetch`, whose first call takes 16 ms of a cold start for loading its client
 * (Node 24); `node:http` is loaded, for the function is served by it.
 *
 * @throws {Error} If there is no whole answer in time.
 */
export function exchange(url: URL, { method, headers, body, timeoutMs }: Question): Promise<Answer> {
  // Not imported, for it is rarely wanted; and `import()` is not there in a bundle.
  const request = url.protocol === 'https:' ? process.getBuiltinModule('node:https').request : requestHttp;
  return new Promise((resolve, reject) => {
    const options = { method, headers, signal: AbortSignal.timeout(timeoutMs) };
    const outgoing = request(url, options, (response) => {
      readBody(response, MAX_BYTES).then((read) => {
        if (read === null) reject(new RangeError(`The answer has more than ${MAX_BYTES} bytes`));
        else resolve({ status: response.statusCode ?? 0, text: read.toString() });
      }, reject);
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
