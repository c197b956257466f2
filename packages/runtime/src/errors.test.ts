import { expect, test } from 'vitest';
import { describeError, FatalError, PoisonError, RetryableError } from './errors.ts';

test.each([RetryableError, PoisonError, FatalError])(
  '%o keeps its name and cause, when it is thrown',
  (Kind) => {
    const cause = new Error('why');
    const error = new Kind('Cannot do it', { cause });
    expect(error).toBeInstanceOf(Error);
    expect({ name: error.name, message: error.message, cause: error.cause }).toEqual({
      name: Kind.name,
      message: 'Cannot do it',
      cause,
    });
  },
);

test.each<[unknown, string]>([
  [new Error('why'), 'why'],
  [new RangeError(), 'RangeError'],
  [new Error('All hosts failed: {\n  code: 1\n}.\n'), 'All hosts failed: { code: 1 }.'],
  ['only text', 'only text'],
  [undefined, 'undefined'],
  [256, '256'],
])('describeError() is text in one line, when thrown is %o', (thrown, text) => {
  expect(describeError(thrown)).toBe(text);
});

test('describeError() cuts at 500 characters, when the message is longer', () => {
  expect(describeError(new Error('x'.repeat(500)))).toBe('x'.repeat(500));
  expect(describeError(new Error('x'.repeat(501)))).toBe(`${'x'.repeat(497)}...`);
});
