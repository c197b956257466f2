import type { BatchHeader } from '../event/batch-header.ts';
import type { EventSpan } from './outage.ts';

type Watermarks = Pick<BatchHeader, 'watermarkMs' | 'watermarkBeforeMs'>;

/**
 * What is known of a batch that cannot be read: its own header, if that can be, and its neighbours in the
 * shard.
 */
export interface UnreadableBatch {
  readonly own: Watermarks | null;
  readonly before: Watermarks | null;
  readonly after: Watermarks | null;
}

/** How much a batch spans at most, where nothing is known of what came before it. */
const LONGEST_MS = 300_000;

/**
 * The range of event time of the trades of a batch that cannot be read: from the watermark before it to its
 * own, and the disorder beyond that; null if neither itself nor a neighbour says anything.
 */
export function unreadableSpan(
  { own, before, after }: UnreadableBatch,
  disorderMs: number,
): EventSpan | null {
  const endMs = known(own?.watermarkMs) ?? known(after?.watermarkBeforeMs) ?? known(after?.watermarkMs);
  const beginMs = known(own?.watermarkBeforeMs) ?? known(before?.watermarkMs);
  const toMs = endMs ?? (beginMs === null ? null : beginMs + LONGEST_MS);
  if (toMs === null) return null;
  const fromMs = Math.max(0, beginMs ?? toMs - LONGEST_MS);
  return { fromMs: Math.min(fromMs, toMs), toMs: toMs + disorderMs };
}

/** A watermark of 0 says nothing. */
function known(watermarkMs: number | undefined): number | null {
  return watermarkMs === undefined || watermarkMs === 0 ? null : watermarkMs;
}
