import { partsOf } from '@kandle/market/event/parts';
import { describeError, RetryableError } from '@kandle/runtime/errors';
import { judgeAnswer, type Verdict } from './answer.ts';
import { type InfluxTarget, writeRequest } from './write-request.ts';

/** Where points are written, and how much at once. */
export interface WriterSettings extends InfluxTarget {
  readonly maxPoints: number;
  readonly answerMs: number;
}

/** Writes points as lines. */
export interface LineWriter {
  /**
   * Resolves when InfluxDB has answered for all of them: what it refused is told, and the rest is written.
   *
   * @returns InfluxDB's reasons for what it refused; none if it took all.
   * @throws {RetryableError} If some may not be written yet.
   */
  write(lines: readonly string[]): Promise<readonly string[]>;
}

/** A writer over HTTP. */
export function createWriter(settings: WriterSettings): LineWriter {
  const { url, headers } = writeRequest(settings);

  async function send(lines: readonly string[]): Promise<Verdict> {
    try {
      const answer = await fetch(url, {
        method: 'POST',
        headers,
        body: lines.join('\n'),
        // A redirect would be followed as a GET, whose answer says nothing of the points.
        redirect: 'manual',
        signal: AbortSignal.timeout(settings.answerMs),
      });
      return judgeAnswer(answer.status, await beginningOf(answer));
    } catch (error) {
      throw new RetryableError(`Cannot write to InfluxDB: ${reasonOf(error)}`, { cause: error });
    }
  }

  return {
    async write(lines) {
      const refusals: string[] = [];
      for (const part of partsOf(lines, settings.maxPoints)) {
        const { kind, reason } = await send(part);
        if (kind === 'later') throw new RetryableError(`Cannot write to InfluxDB: ${reason}`);
        if (kind === 'refused') refusals.push(reason);
      }
      return refusals;
    },
  };
}

/** Of an answer no more is read. */
const MAX_ANSWER_BYTES = 65_536;

/** The beginning of an answer's body, which may be without end. */
async function beginningOf({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= MAX_ANSWER_BYTES) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Fetch says "fetch failed", and its cause why. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return describeError(cause instanceof Error ? cause : error);
}
