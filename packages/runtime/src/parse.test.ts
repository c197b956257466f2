import { expect, test } from 'vitest';
import { z } from 'zod';
import { PoisonError } from './errors.ts';
import { parseOrPoison } from './parse.ts';

test('parseOrPoison() returns what the parser does, when nothing is wrong', () => {
  expect(parseOrPoison('batch', () => 5)).toBe(5);
});

test('parseOrPoison() gives the reason in one line with the cause, when the parser throws', () => {
  const cause = new RangeError('Cannot read it: columns differ');
  const parse = (): never =>
    parseOrPoison('trade batch', () => {
      throw cause;
    });
  expect(parse).toThrow(PoisonError);
  expect(parse).toThrow(
    expect.objectContaining({
      message: 'Cannot read the trade batch: Cannot read it: columns differ',
      cause,
    }),
  );
});

test('parseOrPoison() names at most three places, when a schema finds more wrong', () => {
  const schema = z.object({
    a: z.number(),
    b: z.object({ c: z.array(z.number()) }),
    d: z.string(),
    e: z.string(),
  });
  const parse = (data: unknown) => (): unknown => parseOrPoison('batch', () => schema.parse(data));
  expect(parse({ a: 'secret', b: { c: [1, 'secret'] }, d: 1, e: 1 })).toThrow(
    /^Cannot read the batch: a: [^;]+; b\.c\.1: [^;]+; d: [^;]+$/,
  );
  expect(parse({ a: 'secret', b: { c: [] }, d: '', e: '' })).not.toThrow(/secret/);
  expect(parse('secret')).toThrow(/^Cannot read the batch: data: [^;]+$/);
});
