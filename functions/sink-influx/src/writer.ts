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
      return judgeAnswer(answer.status, await answer.text());
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

/** Fetch says "fetch failed", and its cause why. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return describeError(cause instanceof Error ? cause : error);
}
