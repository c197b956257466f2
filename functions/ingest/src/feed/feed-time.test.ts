import { expect, test } from 'vitest';
import { createFeedTime } from './feed-time.ts';

function clock() {
  const state = { nowMs: 1_000 };
  return { state, read: () => state.nowMs };
}

test('createFeedTime() is the monotonic clock, when the feed is live', () => {
  const { state, read } = clock();
  const time = createFeedTime(undefined, read);
  time.stop();
  time.pass(5_000);
  state.nowMs = 3_000;
  expect(time.nowMs()).toBe(3_000);
});

test('createFeedTime() passes at the speed of the replay, and stands still while the replay does', () => {
  const { state, read } = clock();
  const time = createFeedTime(10, read);
  state.nowMs = 2_000;
  expect(time.nowMs()).toBe(0);
  time.go();
  time.go();
  state.nowMs = 2_500;
  expect(time.nowMs()).toBe(5_000);
  time.stop();
  state.nowMs = 9_000;
  expect(time.nowMs()).toBe(5_000);
  time.go();
  state.nowMs = 9_100;
  expect(time.nowMs()).toBe(6_000);
});

test('createFeedTime() is what the server says, when the speed is unlimited', () => {
  const { state, read } = clock();
  const time = createFeedTime(Number.POSITIVE_INFINITY, read);
  time.go();
  state.nowMs = 9_000;
  expect(time.nowMs()).toBe(0);
  time.pass(60_000);
  time.pass(1);
  time.stop();
  expect(time.nowMs()).toBe(60_001);
});

test('createFeedTime() goes on from what it was told of the recorder clock, when the feed is a recording', () => {
  const { state, read } = clock();
  const time = createFeedTime(10, read);
  expect(time.recordedMs()).toBeNull();
  time.go();
  time.tell(500_000);
  state.nowMs += 300;
  expect(time.recordedMs()).toBe(503_000);
  time.tell(400_000);
  expect(time.recordedMs()).toBe(400_000);

  const fast = createFeedTime(Number.POSITIVE_INFINITY, read);
  fast.tell(7);
  fast.pass(60_000);
  expect(fast.recordedMs()).toBe(60_007);
  const live = createFeedTime(undefined, read);
  live.tell(7);
  expect(live.recordedMs()).toBeNull();
});
