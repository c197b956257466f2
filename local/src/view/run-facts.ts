import type { SourcePlan } from '@kandle/knative/plan';
import type { IngestStatus } from '@kandle/stand-in/ingest-process';
import type { ServiceStats } from '@kandle/stand-in/serving/service';
import type { SourceStats } from '@kandle/stand-in/kafka-source/source';
import type { CandleBoard } from './candle-board.ts';
import { createFeedNotes } from './feed-notes.ts';
import { formatMs, formatSpan } from './format.ts';
import { createRate, type Rate } from './rate.ts';
import type { SignalBoard } from './signal-board.ts';
import { type FunctionView, isAsleep, type ViewState } from './view-state.ts';

/** Where the facts of a run come from. */
export interface FactSources {
  readonly feed: {
    readonly name: string;
    readonly symbolCount: number;
    readonly tradeCount: number | null;
    /** True while a simulated market is silent. */
    readonly isSilent: () => boolean;
  };
  readonly services: readonly { readonly stats: () => ServiceStats }[];
  readonly sources: readonly {
    readonly plan: Pick<SourcePlan, 'name' | 'topic' | 'sink'>;
    readonly stats: () => Readonly<SourceStats>;
  }[];
  readonly board: CandleBoard;
  readonly signals: SignalBoard;
  readonly metrics: () => { readonly rejects: number; readonly deadLetters: number };
  /** How long a function's process without a request stays, milliseconds. */
  readonly idleMs: number;
}

/** What was just looked up. */
export interface Looked {
  /** Null when ingest did not answer. */
  readonly status: IngestStatus | null;
  /** Records not settled, by source. */
  readonly lags: ReadonlyMap<string, number>;
  /** Wall clock, milliseconds. */
  readonly nowMs: number;
}

/** The facts of a run, and what has changed since they were looked at last. */
export interface RunFacts {
  /** @returns Lines about functions that went to sleep or woke up, and about what the feed does not send. */
  look(looked: Looked): readonly string[];
  state(nowMs: number): ViewState;
}

interface Function {
  readonly requests: Rate;
  view: FunctionView | null;
  perSecond: number;
}

/** Without a trade for this long the feed counts as quiet, milliseconds. */
const QUIET_MS = 3_000;
/** No terminal is higher. */
const MAX_SHOWN_SYMBOLS = 200;
const MAX_SHOWN_SIGNALS = 10;

/** The facts of a run that becomes ready now. */
export function createRunFacts(from: FactSources, readyMs: number): RunFacts {
  const received = createRate();
  const functions = from.services.map((): Function => ({ requests: createRate(), view: null, perSecond: 0 }));
  const delivered = from.sources.map(createRate);
  const eventsPerSecond = from.sources.map(() => 0);
  const feedNotes = createFeedNotes();
  let last: Looked = { status: null, lags: new Map(), nowMs: readyMs };
  let answered: IngestStatus | null = null;
  let tradesPerSecond = 0;
  let lastTradeMs = readyMs;

  function lookAtFunctions(nowMs: number): string[] {
    return functions.flatMap((one, place) => {
      const stats = from.services[place]?.stats();
      if (stats === undefined) return [];
      const before = one.view;
      const view = { ...stats, requestsPerSecond: one.requests.sample(stats.requests, nowMs) };
      one.view = view;
      if (before === null) return [];
      if (isAsleep(view) && !isAsleep(before))
        return [`${view.name} is asleep (idle ${formatSpan(from.idleMs)})`];
      // The start that was under way until now.
      if (view.ready > 0 && before.ready === 0 && view.lastStartMs !== null)
        return [`${view.name} woke up (cold start ${formatMs(view.lastStartMs)})`];
      return [];
    });
  }

  function feedStatus(nowMs: number): ViewState['feed']['status'] {
    if (last.status?.ended === true) return 'ended';
    const { connected = false, feeds = [] } = last.status ?? {};
    if (!connected && !feeds.some((feed) => feed.connected)) return 'not connected';
    if (from.feed.isSilent()) return 'silent';
    if (nowMs - lastTradeMs <= QUIET_MS) return 'trading';
    return feeds.length > 0 && feeds.every(({ market }) => market === 'closed') ? 'market closed' : 'quiet';
  }

  return {
    look(looked) {
      const { status, nowMs } = looked;
      if (status !== null) {
        if (status.records > (answered?.records ?? 0)) lastTradeMs = nowMs;
        answered = status;
        tradesPerSecond = received.sample(status.records, nowMs);
      }
      from.sources.forEach(({ stats }, place) => {
        eventsPerSecond[place] = delivered[place]?.sample(stats().delivered, nowMs) ?? 0;
      });
      last = looked;
      const notes = status === null ? [] : feedNotes.look(status, nowMs);
      return [...notes, ...lookAtFunctions(nowMs)];
    },
    state(nowMs) {
      return {
        upMs: nowMs - readyMs,
        feed: {
          name: from.feed.name,
          status: feedStatus(nowMs),
          away: (last.status?.feeds ?? []).flatMap(({ feed, away }) =>
            away === null ? [] : [{ feed, ...away }],
          ),
          trades: answered?.records ?? 0,
          of: from.feed.tradeCount,
          tradesPerSecond,
          symbolCount: from.feed.symbolCount,
          refusedCount: answered?.refused.length ?? 0,
          priceOnlyCount: answered?.priceOnly.length ?? 0,
        },
        candles: from.board.finalCandles(),
        ...from.metrics(),
        symbols: from.board
          .top(MAX_SHOWN_SYMBOLS, nowMs)
          .map(({ series, ...line }) => ({ ...line, indicators: from.signals.indicatorsOf(series) })),
        signals: from.signals.latest(MAX_SHOWN_SIGNALS),
        signalCount: from.signals.count(),
        activeSymbols: from.board.size(),
        functions: functions.flatMap(({ view }) => (view === null ? [] : [view])),
        sources: from.sources.map(({ plan: { name, topic, sink }, stats }, place) => ({
          ...stats(),
          name,
          topic,
          sink,
          eventsPerSecond: eventsPerSecond[place] ?? 0,
          lag: last.lags.get(name) ?? null,
        })),
      };
    },
  };
}
