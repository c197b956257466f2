import { TOPICS } from '@kandle/market/event/topics';
import type { Feed } from './feed.ts';
import type { IngestStatus } from '@kandle/stand-in/ingest-process';
import type { Pipeline } from '@kandle/stand-in/pipeline';
import { formatUnits } from './view/format.ts';
import type { KafkaWatch } from './view/kafka-watch.ts';
import { type LiveView, openLiveView } from './view/live-view.ts';
import { plainLine, summaryLines } from './view/plain-lines.ts';
import { createRunFacts } from './view/run-facts.ts';
import type { ViewState } from './view/view-state.ts';

/** The topics of which a person is shown something. */
export const WATCHED_TOPICS = {
  candles: TOPICS.candles,
  signals: TOPICS.signals,
  rejects: TOPICS.rejects,
  dead: TOPICS.dead,
};

/** Tells a person what a run does: in a live view, or by a line now and then. */
export interface Progress {
  tick(status: IngestStatus | null): void;
  /** A line of the launcher. */
  say(line: string): void;
  /** What a person is shown, as of now. */
  state(): ViewState;
  /** Gives the terminal back. */
  close(): void;
  /** What the run has come to; after `close`. */
  summary(ended: boolean): Promise<void>;
}

/** How progress is told. */
export interface ProgressOptions {
  readonly pipeline: Pipeline;
  readonly feed: Feed;
  readonly watch: KafkaWatch;
  readonly idleMs: number;
  readonly isLive: boolean;
  readonly onQuit: () => void;
  /** Where lines go while there is no live view. */
  readonly say: (line: string) => void;
}

const LINE_EVERY_MS = 5_000;
const LAGS_EVERY_MS = 2_000;
const CATCH_UP_MS = 3_000;

/** Begins to tell of a run that is ready. */
export function createProgress(options: ProgressOptions): Progress {
  const { pipeline, feed, watch, idleMs } = options;
  const { simulator } = feed;
  const facts = createRunFacts(
    {
      feed: {
        name: feed.name,
        symbolCount: feed.symbols.length,
        tradeCount: feed.tradeCount,
        isSilent: () => simulator?.stats().isSilent === true,
      },
      services: [...pipeline.services.values()],
      sources: pipeline.sources.map((source) => ({ plan: source.plan, stats: () => source.stats })),
      board: watch.board,
      signals: watch.signals,
      metrics: watch.metrics,
      idleMs,
    },
    Date.now(),
  );
  const view = options.isLive ? openView() : null;
  let isViewOpen = view !== null;
  let lags: ReadonlyMap<string, number> = new Map();
  let lagsDueMs = 0;
  let lineDueMs = performance.now() + LINE_EVERY_MS;

  function openView(): LiveView {
    return openLiveView({
      stdin: process.stdin,
      stdout: process.stdout,
      color: hasColor(),
      onQuit: options.onQuit,
      onSilence: simulator === null ? null : () => simulator.setSilent(!simulator.stats().isSilent),
    });
  }

  function say(line: string): void {
    if (view !== null && isViewOpen) view.note(line);
    else options.say(line);
  }

  say(`Ready: ${formatUnits(feed.symbols.length, 'symbol')} from ${feed.name}.`);
  return {
    say,
    state: () => facts.state(Date.now()),
    tick(status) {
      const nowMs = Date.now();
      if (performance.now() >= lagsDueMs) {
        lagsDueMs = performance.now() + LAGS_EVERY_MS;
        pipeline.lags().then(
          (found) => {
            lags = found;
          },
          () => undefined,
        );
      }
      for (const line of facts.look({ status, lags, nowMs })) say(line);
      if (view !== null) view.paint(facts.state(nowMs));
      else if (performance.now() >= lineDueMs) {
        lineDueMs += LINE_EVERY_MS;
        options.say(plainLine(facts.state(nowMs)));
      }
    },
    close() {
      isViewOpen = false;
      view?.close();
    },
    async summary(ended) {
      const endedMs = Date.now();
      await watch.catchUp(CATCH_UP_MS);
      for (const line of summaryLines(facts.state(endedMs), ended)) options.say(line);
    },
  };
}

/** See https://no-color.org: NO_COLOR, if it is not empty, means none. */
function hasColor(): boolean {
  return (process.env['NO_COLOR'] ?? '') === '' && process.stdout.hasColors();
}
