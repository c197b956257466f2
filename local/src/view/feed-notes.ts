import type { IngestStatus } from '@kandle/stand-in/ingest-process';
import { formatUnits } from './format.ts';

/** What ingest knows of its feed that a person has to know: said once, when it no longer changes. */
export interface FeedNotes {
  /** @returns Lines to say now. */
  look(
    status: Pick<IngestStatus, 'refused' | 'priceOnly' | 'repeatedFrames' | 'feeds'>,
    nowMs: number,
  ): readonly string[];
}

/** How long something stays as it is before it is said: vendors refuse symbols one by one. */
const SETTLED_MS = 1_000;
/** So many whole frames that came again are worth a word: a few are real trades, equal to the last ones. */
const MANY_REPEATS = 20;
/** Most symbols that are named; ingest's `/status` has all. */
const MAX_NAMED = 20;

/** Nothing was said yet. */
export function createFeedNotes(): FeedNotes {
  const refused = createNote();
  const priceOnly = createNote();
  let hasToldRepeats = false;
  /** What each feed has been refused with, and was told. */
  const refusals = new Map<string, string>();

  return {
    look(status, nowMs) {
      const lines: string[] = [];
      for (const { feed, away, connected } of status.feeds) {
        if (connected) refusals.delete(feed);
        if (away === null || !away.refused || refusals.get(feed) === away.reason) continue;
        refusals.set(feed, away.reason);
        lines.push(`${feed} is refused: ${away.reason}`);
      }
      const missing = status.refused.map(({ symbol, reason }) => `${symbol} (${reason})`);
      if (refused.isNews(missing, nowMs))
        lines.push(`${formatUnits(missing.length, 'symbol')} refused: ${listOf(missing)}. The others go on`);
      if (priceOnly.isNews(status.priceOnly, nowMs))
        lines.push(
          `${formatUnits(status.priceOnly.length, 'symbol')} with a volume of 0 only, and so with candles of prices: ${listOf(status.priceOnly)}`,
        );
      if (!hasToldRepeats && status.repeatedFrames >= MANY_REPEATS) {
        hasToldRepeats = true;
        lines.push(
          `${status.repeatedFrames} frames came a second time right after the first: twins, or copies. DROP_REPEATED_FRAMES=true drops them`,
        );
      }
      return lines;
    },
  };
}

/** True once for every list that is not empty and has stayed as it is for a moment. */
function createNote(): { isNews(list: readonly string[], nowMs: number): boolean } {
  let told = '';
  let seen = '';
  let sinceMs = 0;
  return {
    isNews(list, nowMs) {
      const text = JSON.stringify(list);
      if (text !== seen) {
        seen = text;
        sinceMs = nowMs;
      }
      if (list.length === 0 || text === told || nowMs - sinceMs < SETTLED_MS) return false;
      told = text;
      return true;
    },
  };
}

function listOf(names: readonly string[]): string {
  const more = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : '';
  return `${names.slice(0, MAX_NAMED).join(', ')}${more}`;
}
