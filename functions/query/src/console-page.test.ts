import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { readConsolePage } from './console-page.ts';

const TEXT = '<!doctype html><title>Kandle</title>';
const NOTHING = { acceptEncoding: '', ifNoneMatch: '' };

function pageWith(content: string) {
  const folder = mkdtempSync(join(tmpdir(), 'kandle-page-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'console.json');
  writeFileSync(file, content);
  return readConsolePage(file);
}

const files = JSON.stringify({
  '/': {
    type: 'text/html; charset=utf-8',
    etag: '"one"',
    br: brotliCompressSync(TEXT).toString('base64'),
  },
});

test('answer() sends Brotli to those who take it, and plain text to others, with the same tag', async () => {
  const page = pageWith(files);
  const packed = page.answer('/', { ...NOTHING, acceptEncoding: 'gzip, br' });
  expect(packed?.headers.get('content-encoding')).toBe('br');
  expect(
    brotliDecompressSync(Buffer.from((await packed?.arrayBuffer()) ?? new ArrayBuffer())).toString(),
  ).toBe(TEXT);
  const plain = page.answer('/', NOTHING);
  expect([plain?.headers.get('content-encoding'), await plain?.text()]).toEqual([null, TEXT]);
  for (const answer of [packed, plain])
    expect([answer?.headers.get('etag'), answer?.headers.get('content-type')]).toEqual([
      '"one"',
      'text/html; charset=utf-8',
    ]);
});

test('answer() is 304 for whom the tag is known, and forbids scripts that are not files of this host', () => {
  const page = pageWith(files);
  expect(page.answer('/', { ...NOTHING, ifNoneMatch: 'W/"one", "x"' })?.status).toBe(304);
  const policy = page.answer('/', NOTHING)?.headers.get('content-security-policy') ?? '';
  expect(policy).toContain("default-src 'none'; script-src 'self'");
  expect(policy).not.toMatch(/unsafe|\*|https?:/);
});

test('answer() is null where there is no file, and where there is no page', () => {
  expect(pageWith(files).answer('/console/other.js', NOTHING)).toBeNull();
  expect(pageWith('no JSON').answer('/', NOTHING)).toBeNull();
  expect(readConsolePage('/nowhere/console.json').answer('/', NOTHING)).toBeNull();
});
