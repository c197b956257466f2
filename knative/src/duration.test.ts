import { expect, test } from 'vitest';
import { DurationSchema } from './duration.ts';

test.each([
  ['PT5S', 5_000],
  ['PT0S', 0],
  ['PT1.5S', 1_500],
  ['PT1H2M3S', 3_723_000],
  ['P1DT1M', 86_460_000],
])('%s is %d ms', (text, ms) => {
  expect(DurationSchema.parse(text)).toBe(ms);
});

test.each(['5s', 'PT', 'P', '', 'PT5', '-PT5S', 'pt5s', 'P1M', 'P1Y', 'PT5S '])('%j is refused', (text) => {
  expect(DurationSchema.safeParse(text).success).toBe(false);
});
