import { expect, test } from 'vitest';
import { newTraceparent, traceIdOf } from './trace.ts';

test('newTraceparent() makes a valid traceparent, another each time', () => {
  const made = Array.from({ length: 1_000 }, newTraceparent);
  for (const traceparent of made) {
    expect(traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(traceIdOf(traceparent)).toBe(traceparent.slice(3, 35));
  }
  expect(new Set(made.map(traceIdOf)).size).toBe(1_000);
});

test.each([
  undefined,
  7,
  '',
  'tp',
  '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7',
  '00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01',
  '00-00000000000000000000000000000000-00f067aa0ba902b7-01',
  '00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01',
  '01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  ' 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
])('traceIdOf() is undefined, when the traceparent is %j', (traceparent) => {
  expect(traceIdOf(traceparent)).toBeUndefined();
});
