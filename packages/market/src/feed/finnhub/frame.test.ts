import { expect, test } from 'vitest';
import { parseFinnhubFrame } from './frame.ts';

test.each([
  ['{"data":[{"s":"A"},5],"type":"trade"}', { kind: 'trade', entries: [{ s: 'A' }, 5] }],
  ['{"type":"ping"}', { kind: 'ping', passedMs: 0, recvMs: null }],
  ['{"type":"ping","passed_ms":61000,"recv_ms":7.5}', { kind: 'ping', passedMs: 61_000, recvMs: 7.5 }],
  ['{"type":"ping","passed_ms":-5,"recv_ms":"7"}', { kind: 'ping', passedMs: 0, recvMs: null }],
  ['{"type":"ping","recv_ms":1e309}', { kind: 'ping', passedMs: 0, recvMs: null }],
  ['{"msg":"Invalid symbol","type":"error"}', { kind: 'error', message: 'Invalid symbol' }],
  ['{"type":"news","data":[{"id":1}]}', { kind: 'news', entries: [{ id: 1 }] }],
  ['{"type":"book","data":[]}', { kind: 'book', entries: [] }],
  ['{"type":"news"}', { kind: 'bad', detail: 'news frame without data' }],
  ['{"type":"pr","data":[]}', { kind: 'unknown', type: 'pr' }],
  ['{"type":"trade","data":"x"}', { kind: 'bad', detail: 'trade frame without data' }],
  ['{"data":[]}', { kind: 'bad', detail: 'frame without a type' }],
  ['[1]', { kind: 'bad', detail: 'not a JSON object' }],
  ['null', { kind: 'bad', detail: 'not a JSON object' }],
])('parseFinnhubFrame() reads %s', (text, frame) => {
  expect(parseFinnhubFrame(text)).toEqual(frame);
});

test.each(['', '{"type":"tra', '\u0000'])(
  'parseFinnhubFrame() answers bad, when the text %j is not JSON',
  (text) => {
    expect(parseFinnhubFrame(text)).toMatchObject({
      kind: 'bad',
      detail: expect.stringMatching(/^not JSON/),
    });
  },
);
