import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { FatalError } from './errors.ts';
import { readSecret } from './secret.ts';

const folder = mkdtempSync(join(tmpdir(), 'kandle-secret-'));
afterAll(() => rmSync(folder, { recursive: true }));

test.each([
  ['pa55word', 'pa55word'],
  ['pa55word\n', 'pa55word'],
  ['pa55word\r\n', 'pa55word'],
  [' pa55 word \n\n', ' pa55 word \n'],
])('readSecret() takes off one line break at the end, when the file is %j', (text, secret) => {
  const path = join(folder, 'secret');
  writeFileSync(path, text);
  expect(readSecret(path, 'ANY_FILE')).toBe(secret);
});

test('readSecret() names the variable, not the path, when there is no file', () => {
  expect(() => readSecret(join(folder, 'none'), 'ANY_FILE')).toThrow(FatalError);
  expect(() => readSecret(join(folder, 'none'), 'ANY_FILE')).toThrow(
    /: ANY_FILE names a file that does not exist$/,
  );
});
