import type { Feed } from './feed.ts';
import type { IngestStatus } from './ingest-process.ts';
import type { Pipeline } from './pipeline.ts';

/** Tells a person what a run does, a line now and then. */
export interface Progress {
  ready(): void;
  tick(status: IngestStatus | null): void;
  summary(ended: boolean): void;
}

const LINE_EVERY_MS = 2_000;

/** Progress lines of a pipeline. */
export function createProgress(pipeline: Pipeline, feed: Feed, say: (line: string) => void): Progress {
  const startedMs = performance.now();
  let lastLineMs = startedMs;
  let last: IngestStatus | null = null;

  function describe(): string {
    const of = feed.tradeCount === null ? '' : ` of ${feed.tradeCount.toLocaleString('en')}`;
    const done = pipeline.sources.map(
      ({ plan, stats }) => `${plan.name} ${stats.delivered.toLocaleString('en')}`,
    );
    return `${(last?.records ?? 0).toLocaleString('en')}${of} trades received; events done: ${done.join(', ')}`;
  }

  return {
    ready() {
      if (feed.env === null) {
        say(
          'Ready. There is no feed: set FINNHUB_TOKEN and SYMBOLS, or play a recording with --replay FILE.',
        );
      } else {
        say(`Ready: ${feed.symbols.length} symbols from ${feed.name}.`);
      }
    },
    tick(status) {
      if (status !== null) last = status;
      if (feed.env === null || performance.now() - lastLineMs < LINE_EVERY_MS) return;
      lastLineMs = performance.now();
      say(describe());
    },
    summary(ended) {
      const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
      const stats = pipeline.sources.map((source) => source.stats);
      const sum = (pick: (one: (typeof stats)[number]) => number): number =>
        stats.reduce((total, one) => total + pick(one), 0);
      say(describe());
      say(
        `${ended ? 'The recording has ended: every window is final and nothing is under way.' : 'The run was ended.'} ` +
          `${seconds} s since "ready"; ${last?.rejected ?? 0} records rejected by ingest, ` +
          `${last?.duplicates ?? 0} repeats dropped, ${sum((one) => one.retries)} deliveries tried again, ` +
          `${sum((one) => one.deadLettered)} dead letters, ${sum((one) => one.dropped)} dropped.`,
      );
    },
  };
}
