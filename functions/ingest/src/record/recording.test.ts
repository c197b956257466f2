import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { constants, gunzipSync } from 'node:zlib';
import { sourceOfVendor } from '@kandle/market/feed/recording-source';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createRecording } from './recording.ts';

test('a recording holds every frame as it came, and can be read while it is written', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kandle-record-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'x.jsonl.gz');
  let nowMs = 1_700_000_000_000;
  const recording = createRecording({
    path,
    source: sourceOfVendor('yahoo'),
    wallMs: () => (nowMs += 1),
    onError: (error) => expect.unreachable(error.message),
  });
  const frames = ['{"p":1e309}', 'not JSON', '{"half":', '{"a":1}\n'];
  for (const frame of frames) recording.write(frame);
  recording.write('');
  recording.flush();
  const read = () =>
    gunzipSync(readFileSync(path), { finishFlush: constants.Z_SYNC_FLUSH }).toString().trim().split('\n');
  await vi.waitFor(() => expect(read()).toHaveLength(5));
  await recording.close();
  expect(recording.frames()).toBe(4);
  expect(read()).toEqual([
    '{"recording":{"vendor":"yahoo"}}',
    '{"recv_ms":1700000000001,"frame":{"p":1e309}}',
    '{"recv_ms":1700000000002,"frame":"not JSON"}',
    '{"recv_ms":1700000000003,"frame":"{\\"half\\":"}',
    '{"recv_ms":1700000000004,"frame":"{\\"a\\":1}\\n"}',
  ]);
});
