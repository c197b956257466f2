import { expect, test } from 'vitest';
import { decide, lastTold, type StoredNotice, type Truth } from './signal-record.ts';
import type { Told } from './told.ts';

const BUY: Told = { side: 'buy', strength: 0.6, numbers: { change: 3 }, text: 'A jumped up by 3.' };
const SELL: Told = { side: 'sell', strength: 0.6, numbers: { change: -3 }, text: 'A jumped down by 3.' };

function notice(changes: Partial<StoredNotice>): StoredNotice {
  return {
    target: 'desk',
    version: 3,
    state: 'active',
    content: BUY,
    status: 'sent',
    attempts: 1,
    statusCode: null,
    reason: '',
    claimedAtMs: 0,
    endedAtMs: null,
    delayMs: null,
    isLeased: false,
    ...changes,
  };
}

const ACTIVE: Truth = { version: 5, content: BUY, isNews: true };
const RETRACTED: Truth = { version: 5, content: null, isNews: false };
const FLIPPED: Truth = { version: 5, content: SELL, isNews: true };
/** Too weak for the target to be told of it, if it was not told of it before. */
const WEAK: Truth = { version: 5, content: { ...BUY, strength: 0.1 }, isNews: false };
const GONE = notice({ version: 4, state: 'retracted', content: null });

test.each<[string, readonly StoredNotice[], Truth, string]>([
  ['claims an active signal of which nothing is known', [], ACTIVE, 'claim'],
  ['skips a retracted signal of which nothing is known', [], RETRACTED, 'skip'],
  ['skips an active one that was sent as an older version', [notice({})], ACTIVE, 'skip'],
  ['claims the retraction of what was sent', [notice({})], RETRACTED, 'claim'],
  ['claims an active one whose retraction was sent', [notice({}), GONE], ACTIVE, 'claim'],
  ['skips a second retraction', [notice({}), GONE], RETRACTED, 'skip'],
  ['skips the retraction of what surely failed', [notice({ status: 'failed' })], RETRACTED, 'skip'],
  ['skips the retraction of what was refused', [notice({ status: 'refused' })], RETRACTED, 'skip'],
  ['claims the retraction of what may have been told', [notice({ status: 'unclear' })], RETRACTED, 'claim'],
  [
    'claims the retraction of what a dead process had claimed',
    [notice({ status: 'claimed' })],
    RETRACTED,
    'claim',
  ],
  [
    'claims an active one that may have been told as an older version',
    [notice({ status: 'unclear' })],
    ACTIVE,
    'claim',
  ],
  [
    'claims an active one whose retraction may have been told',
    [notice({}), { ...GONE, status: 'unclear' }],
    ACTIVE,
    'claim',
  ],
  [
    'skips an active one whose retraction surely failed',
    [notice({}), { ...GONE, status: 'failed' }],
    ACTIVE,
    'skip',
  ],
  ['is over a version that was sent', [notice({ version: 5 })], ACTIVE, 'nothing'],
  ['is over a version that was skipped', [notice({ version: 5, status: 'skipped' })], ACTIVE, 'nothing'],
  ['claims a version again that failed', [notice({ version: 5, status: 'failed' })], ACTIVE, 'claim'],
  ['claims a version again that was refused', [notice({ version: 5, status: 'refused' })], ACTIVE, 'claim'],
  [
    'claims a version again whose claimant died',
    [notice({ version: 5, status: 'claimed' })],
    ACTIVE,
    'claim',
  ],
  [
    'waits for who has claimed a version',
    [notice({ version: 5, status: 'claimed', isLeased: true })],
    ACTIVE,
    'busy',
  ],
  [
    'waits for who has claimed an older version',
    [notice({ status: 'claimed', isLeased: true })],
    RETRACTED,
    'busy',
  ],
  [
    'is over a version that a newer one has overtaken',
    [notice({ version: 6, status: 'failed' })],
    ACTIVE,
    'nothing',
  ],
  ['claims another side than the one that was sent', [notice({})], FLIPPED, 'claim'],
  [
    'claims another side than the one that may have been told',
    [notice({ status: 'unclear' })],
    FLIPPED,
    'claim',
  ],
  [
    'claims the side that was sent, when another may have been told since',
    [notice({}), notice({ version: 4, content: SELL, status: 'unclear' })],
    ACTIVE,
    'claim',
  ],
  [
    'skips the side that was sent, when a correction surely failed',
    [notice({}), notice({ version: 4, content: SELL, status: 'failed' })],
    ACTIVE,
    'skip',
  ],
  [
    'skips what was corrected to it already',
    [notice({}), notice({ version: 4, content: SELL })],
    FLIPPED,
    'skip',
  ],
  [
    'takes what was told before contents were kept for the same',
    [notice({ content: null })],
    FLIPPED,
    'skip',
  ],
  ['claims a correction to a strength of which nobody else is told', [notice({})], WEAK, 'claim'],
  ['skips what is too weak, when nothing is known of it', [], WEAK, 'skip'],
  ['skips what is too weak, when its retraction was sent', [notice({}), GONE], WEAK, 'skip'],
])('decide() %s', (_, notices, version, decision) => {
  expect(decide(notices, version)).toBe(decision);
  expect(decide(notices.toReversed(), version)).toBe(decision);
});

test.each<[string, readonly StoredNotice[], Told | null]>([
  ['nothing, when nothing is known', [], null],
  ['what was sent before', [notice({})], BUY],
  [
    'the newest that may have been told',
    [notice({}), notice({ version: 4, content: SELL, status: 'unclear' })],
    SELL,
  ],
  ['not what surely failed', [notice({}), notice({ version: 4, content: SELL, status: 'failed' })], BUY],
  ['nothing, after a retraction', [notice({}), GONE], null],
  ['nothing, when it was told before contents were kept', [notice({ content: null })], null],
  ['not what the version itself told', [notice({}), notice({ version: 5, content: SELL })], BUY],
])('lastTold() is %s', (_, notices, told) => {
  expect(lastTold(notices, 5)).toEqual(told);
});
