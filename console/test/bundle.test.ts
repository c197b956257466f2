import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { makeConsole } from '@kandle/build/console';
import { expect, test } from 'vitest';

const MAX_BYTES = 150_000;

test('the page is at most 150 kB as it is sent, has no script of its own text, and names no host but that of a notice', async () => {
  const { files } = await makeConsole(join(import.meta.dirname, '../..'));
  const sent = Object.values(files).map(({ br }) => Buffer.from(br, 'base64'));
  expect(sent.reduce((sum, { length }) => sum + length, 0)).toBeLessThan(MAX_BYTES);
  const textOf = (path: string): string =>
    brotliDecompressSync(Buffer.from(files[path]?.br ?? '', 'base64')).toString('utf8');
  expect(textOf('/')).not.toMatch(/<script(?![^>]*\bsrc=)[^>]*>|<style|\son\w+=|\sstyle=/);
  expect(textOf('/') + textOf('/console/app.css')).not.toMatch(/https?:/);
  const hosts = new Set(textOf('/console/app.js').match(/https?:\/\/[\w.-]+/g));
  // Names of XML and of JSON Schema, and the notice's link: nothing is asked of them.
  expect([...hosts].toSorted()).toEqual([
    'http://json-schema.org',
    'http://www.w3.org',
    'https://json-schema.org',
    'https://www.tradingview.com',
  ]);
});
