import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { sourceOfVendor } from '@kandle/market/feed/recording-source';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createRotatingRecording, type PartBounds } from './rotating-recording.ts';

function begin(bounds: PartBounds) {
  const folder = mkdtempSync(join(tmpdir(), 'kandle-record-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  let nowMs = 0;
  const start = () =>
    createRotatingRecording({
      ...bounds,
      path: join(folder, 'x.jsonl.gz'),
      source: sourceOfVendor('yahoo'),
      wallMs: () => nowMs,
      monotonicMs: () => nowMs,
      onError: (error) => expect.unreachable(error.message),
    });
  const linesOf = (name: string) =>
    gunzipSync(readFileSync(join(folder, name)))
      .toString()
      .trim()
      .split('\n');
  const pass = (ms: number) => (nowMs += ms);
  return { folder, start, linesOf, pass, files: () => readdirSync(folder).toSorted() };
}

test('a part is full after its time, each is a recording by itself, and none is empty', async () => {
  const { start, linesOf, pass, files } = begin({ maxBytes: null, maxMs: 1_000 });
  const recording = start();
  for (const frame of ['{"a":1}', '{"a":2}', '{"a":3}']) {
    recording.write(frame);
    pass(600);
    recording.flush();
  }
  pass(5_000);
  recording.flush();
  recording.flush();
  expect(recording.frames()).toBe(3);
  await recording.close();
  expect(files()).toEqual(['x.00001.jsonl.gz', 'x.00002.jsonl.gz', 'x.00003.jsonl.gz']);
  expect(files().map((name) => linesOf(name).length)).toEqual([3, 2, 1]);
  for (const name of files()) expect(linesOf(name)[0]).toBe('{"recording":{"vendor":"yahoo"}}');
});

test('a part is full after its bytes, and what an earlier recorder has left stays', async () => {
  const { folder, start, pass, files } = begin({ maxBytes: 1, maxMs: null });
  writeFileSync(join(folder, 'x.00001.jsonl.gz'), 'of yesterday');
  const recording = start();
  recording.write('{"a":1}');
  recording.flush();
  await vi.waitFor(() => expect(recording.bytes()).toBeGreaterThan(0));
  pass(1);
  recording.flush();
  recording.write('{"a":2}');
  await recording.close();
  expect(recording.path()).toBe(join(folder, 'x.00003.jsonl.gz'));
  expect(files()).toEqual(['x.00001.jsonl.gz', 'x.00002.jsonl.gz', 'x.00003.jsonl.gz']);
  expect(readFileSync(join(folder, 'x.00001.jsonl.gz'), 'utf8')).toBe('of yesterday');
});

test('without bounds it is one file', async () => {
  const { start, files, pass } = begin({ maxBytes: null, maxMs: null });
  const recording = start();
  recording.write('{"a":1}');
  pass(1e9);
  recording.flush();
  await recording.close();
  expect(files()).toEqual(['x.jsonl.gz']);
});
