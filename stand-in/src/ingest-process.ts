import type { InstanceSpec, ProcessHooks } from './serving/instance.ts';
import { type LongRunning, startLongRunning } from './long-running.ts';

/** Where a feed stands. */
export interface FeedLine {
  readonly feed: string;
  readonly connected: boolean;
  /** Why there is no connection, in the feed's words, and until when none is tried; null while there is one. */
  readonly away: { readonly reason: string; readonly untilMs: number; readonly refused: boolean } | null;
  /** Whether any market of its symbols is open, by the calendar; `unknown` where it knows none of them. */
  readonly market: 'open' | 'closed' | 'unknown';
}

/** What a process of ingest says of itself at `/status`, as far as the launcher needs it. */
export interface ProcessStatus extends FeedLine {
  readonly records: number;
  readonly rejected: number;
  readonly duplicates: number;
  readonly dropped: number;
  /** Accepted records that are not acknowledged yet. */
  readonly buffered: number;
  /** Records whose time nothing has confirmed yet. */
  readonly waiting: number;
  /** Symbols that do not come, and why: no symbol at all, or refused by the vendor. */
  readonly refused: readonly { readonly symbol: string; readonly reason: string }[];
  /** Symbols that have come with a volume of 0 only: they have no candle. */
  readonly priceOnly: readonly string[];
  /** Whole frames that came again back to back. */
  readonly repeatedFrames: number;
  readonly ended: boolean;
  /** The feed has ended and everything was acknowledged. */
  readonly drained: boolean;
}

/** What all processes of ingest say together. */
export interface IngestStatus extends Omit<ProcessStatus, keyof FeedLine> {
  /** True if every feed is connected. */
  readonly connected: boolean;
  /** Each of them, in the order in which they were given. */
  readonly feeds: readonly FeedLine[];
}

/** The status of all processes of ingest as that of one; null if one does not answer, or there is none. */
export function together(statuses: readonly (ProcessStatus | null)[]): IngestStatus | null {
  const answers = statuses.filter((status) => status !== null);
  if (answers.length === 0 || answers.length < statuses.length) return null;
  const sum = (count: (status: ProcessStatus) => number): number =>
    answers.reduce((total, status) => total + count(status), 0);
  return {
    connected: answers.every(({ connected }) => connected),
    feeds: answers.map(({ feed, connected, away, market }) => ({ feed, connected, away, market })),
    records: sum(({ records }) => records),
    rejected: sum(({ rejected }) => rejected),
    duplicates: sum(({ duplicates }) => duplicates),
    dropped: sum(({ dropped }) => dropped),
    buffered: sum(({ buffered }) => buffered),
    waiting: sum(({ waiting }) => waiting),
    refused: answers.flatMap(({ refused }) => refused),
    priceOnly: answers.flatMap(({ priceOnly }) => priceOnly),
    repeatedFrames: sum(({ repeatedFrames }) => repeatedFrames),
    ended: answers.every(({ ended }) => ended),
    drained: answers.every(({ drained }) => drained),
  };
}

/** A process of ingest. */
export interface IngestProcess extends LongRunning {
  /** Null if it does not answer. */
  status(): Promise<ProcessStatus | null>;
}

/** Starts ingest. */
export async function createIngestProcess(
  spec: () => Promise<InstanceSpec>,
  hooks: ProcessHooks,
): Promise<IngestProcess> {
  const running = await startLongRunning(spec, hooks);
  return {
    ...running,
    async status() {
      try {
        const response = await fetch(new URL('/status', running.url()), {
          signal: AbortSignal.timeout(2_000),
        });
        return (await response.json()) as ProcessStatus;
      } catch {
        return null;
      }
    },
  };
}
