import { setTimeout as sleep } from 'node:timers/promises';
import { partsOf } from '@kandle/market/event/parts';
import type { RefusedSymbol } from '@kandle/market/feed/subscriptions';
import { parseYahooAnswer } from '@kandle/market/feed/yahoo/poll';
import { backOffMs } from '@kandle/runtime/back-off';
import { describeError } from '@kandle/runtime/errors';
import type { LineEvents, OpenLine } from '../line/line.ts';
import {
  askYahoo,
  isStale,
  openYahooSession,
  type YahooAnswer,
  type YahooKeys,
  type YahooPlaces,
  YahooRefusal,
} from './poll-session.ts';

/** What is asked of Yahoo, and how often. Durations in milliseconds. */
export interface YahooPollOptions extends YahooPlaces {
  readonly symbols: readonly string[];
  /** `quotes` are many symbols an answer, and need a crumb; `charts` are one symbol, and need none. */
  readonly by: 'quotes' | 'charts';
  /** From the end of one round of questions to the next. */
  readonly everyMs: number;
  /** The longest first pause after "too many requests"; twice as long each time, up to eight times. */
  readonly pauseMs: number;
  readonly maxFrameBytes: number;
  /** A number in [0, 1), for the jitter. */
  readonly random: () => number;
}

/** One question: the symbols that its answer tells of. */
interface Question {
  readonly symbols: readonly string[];
  readonly url: URL;
}

const ANSWER_MS = 20_000;
const SYMBOLS_PER_QUESTION = 50;
const MAX_PAUSES = 8;
const NOT_FOUND = 404;

/**
 * Asks Yahoo for its quotes or charts again and again: a connection that begins with the first good answer, or
 * the crumb, and ends with the first bad one.
 */
export function yahooPollLine(options: YahooPollOptions): OpenLine {
  const { by, symbols, everyMs, pauseMs, random } = options;
  const questions =
    by === 'quotes' ? quoteQuestions(options) : symbols.map((symbol) => chartQuestion(options, symbol));
  let keys: YahooKeys | null = null;
  /** Times in a row that Yahoo has had too many requests. */
  let pauses = 0;

  function nextPauseMs(): number {
    const waitMs = backOffMs(pauses, random(), { firstMs: pauseMs, maxMs: pauseMs * MAX_PAUSES });
    pauses += 1;
    return waitMs;
  }

  return (events) => {
    const ending = new AbortController();
    let running = Promise.withResolvers<void>();
    running.resolve();
    let isOpen = false;
    const unknown = new Set<string>();

    const open = (): void => {
      if (isOpen) return;
      isOpen = true;
      events.onOpen();
    };

    async function ask(question: Question): Promise<YahooAnswer> {
      for (let isSecond = false; ; isSecond = true) {
        const signal = AbortSignal.any([ending.signal, AbortSignal.timeout(ANSWER_MS)]);
        if (by === 'quotes' && keys === null) keys = await openYahooSession(options, signal);
        open();
        const url = new URL(question.url);
        if (keys !== null) url.searchParams.set('crumb', keys.crumb);
        const answer = await askYahoo(url, {
          cookie: keys?.cookie ?? '',
          maxBytes: options.maxFrameBytes,
          signal,
        });
        if (!isStale(answer)) return answer;
        keys = null;
        // A crumb does not live for ever: a new one, once.
        if (isSecond || by === 'charts')
          throw new YahooRefusal(`Yahoo does not let this client in (HTTP ${answer.status})`, false);
      }
    }

    /** Names the symbols that an answer leaves out, each once a connection. */
    function tellUnknown(missing: readonly string[]): void {
      const refused = missing.filter((symbol) => !unknown.has(symbol));
      if (refused.length === 0) return;
      for (const symbol of refused) unknown.add(symbol);
      const named: readonly RefusedSymbol[] = refused.map((symbol) => ({
        symbol,
        reason: 'Yahoo has no price of it',
      }));
      events.onFrame({ kind: 'subscribed', refused: named }, '');
    }

    async function run(): Promise<void> {
      // Who opened this line does not have it before this turn ends.
      await running.promise;
      for (;;) {
        for (const question of questions) {
          const answer = await ask(question);
          // Held back, if we are to wait.
          await running.promise;
          if (ending.signal.aborted) return;
          tell(events, question, answer, options.maxFrameBytes, tellUnknown);
          pauses = 0;
        }
        await sleep(everyMs, undefined, { signal: ending.signal });
        await running.promise;
      }
    }

    run().catch((error: unknown) => {
      if (ending.signal.aborted) return;
      if (error instanceof YahooRefusal)
        events.onRefused(error.message, error.isTooMany ? nextPauseMs() : undefined);
      else events.onClosed('disconnected', causeOf(error));
    });

    const cut = (): void => {
      ending.abort();
      running.resolve();
    };
    return {
      pause() {
        running = Promise.withResolvers<void>();
      },
      resume: () => running.resolve(),
      cut,
      leave: async () => cut(),
      ask: null,
    };
  };
}

function tell(
  events: LineEvents,
  { symbols }: Question,
  { status, text }: YahooAnswer,
  maxFrameBytes: number,
  tellUnknown: (missing: readonly string[]) => void,
): void {
  if (status === NOT_FOUND) {
    events.onAlive();
    tellUnknown(symbols);
    return;
  }
  if (status !== 200) throw new Error(`HTTP ${status}`);
  events.onAlive();
  if (text === null) {
    const detail = `answer longer than MAX_FRAME_BYTES (${maxFrameBytes})`;
    events.onFrame({ kind: 'refused', detail, span: null }, '');
    return;
  }
  const frame = parseYahooAnswer(text);
  events.onFrame(frame, text);
  if (frame.kind !== 'trade') return;
  const shown = new Set(frame.entries.map((entry) => Object(entry).s));
  tellUnknown(symbols.filter((symbol) => !shown.has(symbol)));
}

function quoteQuestions({ url, symbols }: YahooPollOptions): readonly Question[] {
  return partsOf(symbols, SYMBOLS_PER_QUESTION).map((part) => {
    const page = new URL('/v7/finance/quote', url);
    page.searchParams.set('symbols', part.join(','));
    page.searchParams.set('formatted', 'false');
    return { symbols: part, url: page };
  });
}

function chartQuestion({ url }: YahooPollOptions, symbol: string): Question {
  const page = new URL(`/v8/finance/chart/${encodeURIComponent(symbol)}`, url);
  page.searchParams.set('range', '1d');
  page.searchParams.set('interval', '1m');
  page.searchParams.set('includePrePost', 'false');
  return { symbols: [symbol], url: page };
}

/** `fetch failed` says nothing; its cause does. */
function causeOf(error: unknown): string {
  const { cause } = error instanceof Error ? error : { cause: undefined };
  return cause === undefined ? describeError(error) : `${describeError(error)}: ${describeError(cause)}`;
}
