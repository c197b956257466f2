import { describe, expect, test } from 'vitest';
import { createReplayPosition } from '../src/replay/replay-position.ts';

describe('createReplayPosition()', () => {
  test('sends again what a vanished client may have held, bounded in size and age', () => {
    const position = createReplayPosition();
    // A frame of 131,072 characters a second: 128 of them are 16 MiB, 240 of them are too old.
    for (let n = 0; n < 300; n++) expect(position.sent(n, 131_072, n * 1_000)).toBe(true);
    position.received(290);
    position.left('vanished', 300_000);
    expect(position.resumeFrom()).toBe(162);

    const slow = createReplayPosition();
    for (let n = 0; n < 300; n++) slow.sent(n, 100, n * 2_000);
    slow.received(290);
    slow.left('vanished', 600_000);
    expect(slow.resumeFrom()).toBe(181);
    slow.left('goodbye', 600_000);
    expect(slow.resumeFrom()).toBe(290);
  });
});
