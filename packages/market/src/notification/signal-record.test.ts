import { expect, test } from 'vitest';
import { decide, type StoredNotice } from './signal-record.ts';

function notice(changes: Partial<StoredNotice>): StoredNotice {
  return {
    target: 'desk',
    version: 3,
    state: 'active',
    status: 'sent',
    attempts: 1,
    statusCode: null,
    reason: '',
    claimedAtMs: 0,
    settledAtMs: null,
    delayMs: null,
    isLeased: false,
    ...changes,
  };
}

const ACTIVE = { version: 5, state: 'active' } as const;
const RETRACTED = { version: 5, state: 'retracted' } as const;
const GONE = notice({ version: 4, state: 'retracted' });

test.each<[string, readonly StoredNotice[], object, string]>([
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
])('decide() %s', (_, notices, version, decision) => {
  expect(decide(notices, version as typeof ACTIVE)).toBe(decision);
  expect(decide(notices.toReversed(), version as typeof ACTIVE)).toBe(decision);
});
