import { expect, test } from 'vitest';
import { type ProcessStatus, together } from './ingest-process.ts';

const status = (changes: Partial<ProcessStatus>): ProcessStatus => ({
  feed: 'sim',
  connected: true,
  away: null,
  market: 'open',
  records: 1,
  rejected: 0,
  duplicates: 0,
  dropped: 0,
  buffered: 0,
  waiting: 0,
  refused: [],
  priceOnly: [],
  repeatedFrames: 0,
  ended: true,
  drained: true,
  ...changes,
});

test('together() is what all processes of ingest say, and nothing while one of them is silent', () => {
  expect(together([])).toBeNull();
  expect(together([status({}), null])).toBeNull();
  const away = { reason: 'too many requests', untilMs: 5, refused: true };
  const yahoo = status({ feed: 'yahoo', connected: false, away, buffered: 7, waiting: 2, drained: false });
  expect(together([status({}), yahoo])).toMatchObject({
    connected: false,
    feeds: [
      { feed: 'sim', connected: true, away: null },
      { feed: 'yahoo', connected: false, away },
    ],
    records: 2,
    // What waits in the second one waits, too.
    buffered: 7,
    waiting: 2,
    ended: true,
    drained: false,
  });
});
