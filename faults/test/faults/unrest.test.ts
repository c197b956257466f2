import { expect, onTestFinished, test } from 'vitest';
import { until } from '../../src/catalogue/fault.ts';
import { runChaos } from '../../src/chaos/run-chaos.ts';
import { rateOf, startTestStack } from '../test-stack.ts';

const RATE = rateOf(100);
const REST_MS = 10_000;
const AT_ONCE_MS = 5_000;

test('a run that does not come to rest ends with a verdict that says so, and is stopped at once', async () => {
  const { stack, end } = await startTestStack({ rate: RATE });
  onTestFinished(end);
  await until('enough trades', () => stack.feed.stats().trades >= 5 * RATE);
  // Its source is patient for hours.
  const answer = stack.dispatcher.answerFor('aggregate', 503);
  onTestFinished(() => {
    answer.release();
  });
  const run = (signal: AbortSignal, restMs: number, say: (line: string) => void = () => undefined) =>
    runChaos(stack, {
      seed: 1,
      durationMs: 0,
      restMs,
      faults: [{ name: 'none', inject: () => Promise.resolve() }],
      say,
      signal,
    });
  const { differences, injected } = await run(new AbortController().signal, REST_MS);
  expect(injected).toEqual([]);
  expect(differences[0]).toMatch(/^The stack does not come to rest: .*aggregate is \d+ events behind/);
  // What is missing is named as well.
  expect(differences.length).toBeGreaterThan(1);

  const stopping = new AbortController();
  let isWaiting = false;
  const stopped = run(stopping.signal, 600_000, (line) => {
    isWaiting ||= line.includes('waiting until everything is final');
  });
  const refused = expect(stopped).rejects.toThrow('aborted');
  await until('it waits', () => isWaiting);
  const sinceMs = performance.now();
  stopping.abort();
  await refused;
  expect(performance.now() - sinceMs).toBeLessThan(AT_ONCE_MS);
});
