import { expect, test } from 'vitest';
import { createStandstill, type ReplayFacts } from './standstill.ts';

const PLAYING: ReplayFacts = { hasBegun: true, status: { ended: false }, settledEvents: 5 };
const ENDED: ReplayFacts = { ...PLAYING, status: { ended: true } };
const SECOND = 1_000;

test('a replay that never begins is told after two minutes', () => {
  const standstill = createStandstill(0);
  const waiting = { ...PLAYING, hasBegun: false, settledEvents: 0 };
  expect(standstill.look(waiting, 119 * SECOND)).toBeNull();
  expect(standstill.look(waiting, 121 * SECOND)).toBe(
    'the recording has not begun to play: ingest has asked for none of its symbols for 121 s',
  );
});

test('a pause of the recording is no standstill, however long', () => {
  const standstill = createStandstill(0);
  for (let minute = 1; minute < 600; minute++)
    expect(standstill.look(PLAYING, minute * 60 * SECOND)).toBeNull();
});

test('a recording that has ended comes to rest as long as events are settled, and is told when none is', () => {
  const standstill = createStandstill(0);
  for (let n = 0; n < 10; n++)
    expect(standstill.look({ ...ENDED, settledEvents: n }, n * 300 * SECOND)).toBeNull();
  const lastMs = 9 * 300 * SECOND;
  expect(standstill.look({ ...ENDED, settledEvents: 9 }, lastMs + 330 * SECOND)).toBeNull();
  expect(standstill.look({ ...ENDED, settledEvents: 9 }, lastMs + 331 * SECOND)).toBe(
    'no event was settled for 331 s',
  );
});

test('ingest that does not answer is told after two minutes, and may come back before', () => {
  const standstill = createStandstill(0);
  expect(standstill.look({ ...PLAYING, status: null }, 100 * SECOND)).toBeNull();
  expect(standstill.look(PLAYING, 110 * SECOND)).toBeNull();
  expect(standstill.look({ ...PLAYING, status: null }, 220 * SECOND)).toBeNull();
  expect(standstill.look({ ...PLAYING, status: null }, 231 * SECOND)).toBe(
    'ingest has not answered for 121 s',
  );
});
