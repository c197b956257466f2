import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRedact } from './redact.ts';

const SECRET = 'a b/c+d"é~1!';

test.each([
  ['as it is', SECRET],
  ['percent-encoded', encodeURIComponent(SECRET)],
  ['percent-encoded in lower case', encodeURIComponent(SECRET).toLowerCase()],
  ['percent-encoded in part', encodeURI(SECRET)],
  [
    'percent-encoded as a whole',
    [...Buffer.from(SECRET)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''),
  ],
  ['percent-encoded twice', encodeURIComponent(encodeURIComponent(SECRET))],
  ['as a form', new URLSearchParams({ token: SECRET }).toString()],
  ['in an address', new URL(`ws://x/?token=${SECRET}`).href],
  ['in JSON', JSON.stringify({ token: SECRET })],
  ['in JSON in JSON', JSON.stringify(JSON.stringify({ token: SECRET }))],
  [
    'with the escapes of JSON',
    `"${Array.from(SECRET, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"`,
  ],
  ['in base64', Buffer.from(SECRET).toString('base64')],
])('a secret is blotted out, when it is written %s', (_, written) => {
  const text = createRedact(SECRET)(`before ${written} after`);
  expect(text).toMatch(/^before .*\*\*\*.* after$/);
  for (const part of ['a b', 'a%20b', 'a+b', 'c+d', 'c%2B', 'c%2b', 'b/c', 'b%2F'])
    expect(text).not.toContain(part);
});

test('a text without the secret stays as it is, whatever the secret', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 6, unit: 'binary' }), (secret) => {
      const redact = createRedact(secret);
      expect(redact(`<${secret}>`)).toBe('<***>');
      expect(redact('connect ECONNREFUSED 127.0.0.1:9')).toBe('connect ECONNREFUSED 127.0.0.1:9');
    }),
  );
});
