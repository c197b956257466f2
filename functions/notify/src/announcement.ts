import type { Told } from '@kandle/market/notification/told';
import type { Signal } from '@kandle/market/signal/signal-batch';
import type { Target } from './targets.ts';

/** A signal to tell of, to correct, or to take back where its state is `retracted`. */
export interface Announcement {
  readonly feed: string;
  readonly signal: Signal;
  /** What the target was told of it before, and is corrected; absent where it is told for the first time. */
  readonly corrected?: Told;
}

/** What a target takes an announcement and its repeats for one by: `<feed>:<signal id>:<version>:<target>`. */
export function idempotencyKey({ feed, signal }: Announcement, target: Pick<Target, 'name'>): string {
  return `${feed}:${signal.id}:${signal.version}:${target.name}`;
}
