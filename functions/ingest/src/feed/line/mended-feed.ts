import type { FeedFrame } from '@kandle/market/feed/feed-frame';
import type { GapReason } from '@kandle/market/feed/feed-gap';
import { backOffMs } from '@kandle/runtime/back-off';
import type { Logger } from '@kandle/runtime/log';
import type { Feed, FeedHandlers } from '../feed.ts';
import type { Line, LineEvents, OpenLine } from './line.ts';

/** When a connection counts as dead or well, and how long to wait before another one. Milliseconds. */
export interface MendOptions {
  /** No frame of any kind for so long means that the line is dead. */
  readonly silenceMs: number;
  /** True while silence of the whole line is normal: it is not watched for then. */
  readonly mayBeSilent: () => boolean;
  /** No data for so long, on a line that is alive and while it is expected, means that the line is mute. */
  readonly muteMs: number;
  /** True while data is to be expected: a market is open. */
  readonly isDataExpected: () => boolean;
  readonly reconnectMinMs: number;
  readonly reconnectMaxMs: number;
  /**
   * A connection that held so long counts as a success; a vendor may accept one and close it a few seconds
   * later.
   */
  readonly stableMs: number;
  /** True if this process has not had a turn for a while, or its machine slept: asked often. */
  readonly hasStoodStill: () => boolean;
  /** A recording can end; a live feed never does. */
  readonly isReplay: boolean;
  /** A number in [0, 1), for the jitter. */
  readonly random: () => number;
  readonly log: Logger;
}

const LOOK_MS = 1_000;
/** How long the vendor has to answer whether the line has outlasted a standstill. */
const ANSWER_MS = 10_000;
/** A vendor that has not kept a connection for so long is asked as seldom as may be. */
const PATIENCE_MS = 60_000;
/** A line that stays mute when it is made anew is given twice as long each time, up to this. */
const MAX_MUTE_MS = 3_600_000;
/** What comes so soon after a line has opened may be a greeting: the last prices, however old. */
const GREETING_MS = 10_000;

interface Current {
  readonly line: Line;
  isOpen: boolean;
  openedAtMs: number;
  /** When data came last, or was not to be expected; before that, when the line opened. */
  dataAtMs: number;
}

/**
 * A feed of one connection after the other, whatever the vendor: opened again after a wait that grows, watched
 * for silence and for standstills of this process.
 */
export function createMendedFeed(open: OpenLine, options: MendOptions, handlers: FeedHandlers): Feed {
  const { silenceMs, reconnectMinMs, reconnectMaxMs, stableMs, isReplay, log } = options;
  let current: Current | null = null;
  let connection = 0;
  let failures = 0;
  let failingSinceMs: number | null = null;
  let lost: GapReason | null = null;
  let state: 'running' | 'paused' | 'stopped' = 'running';
  let reconnectTimer: NodeJS.Timeout | undefined;
  let watchdog: NodeJS.Timeout | undefined;
  let stableTimer: NodeJS.Timeout | undefined;
  let lookTimer: NodeJS.Timeout | undefined;
  /** Lines in a row that were given up because they were mute. */
  let muteLines = 0;
  /** Set from a standstill until the vendor has answered: what comes before its answer may be old. */
  let answerTimer: NodeJS.Timeout | undefined;

  function connect(): void {
    // A line that tells something before it has been handed out is the newest one, too.
    const opening: { it: Current | null } = { it: null };
    const isMine = (): boolean => opening.it !== null && opening.it === current;
    const whenMine = <Args extends readonly unknown[]>(act: (mine: Current, ...args: Args) => void) => {
      return (...args: Args): void => {
        if (opening.it !== null && isMine()) act(opening.it, ...args);
      };
    };
    const events: LineEvents = {
      onOpen: whenMine(opened),
      onAlive: whenMine(alive),
      onAnswer: whenMine((mine) => {
        forgetQuestion();
        alive(mine);
      }),
      onFrame: whenMine((mine, ...frame: Parameters<LineEvents['onFrame']>) => {
        if (isData(frame[0])) heardData(mine);
        handlers.onFrame(...frame);
      }),
      onRefused: whenMine((mine, words: string, waitMs?: number) =>
        lose(mine, 'disconnected', words, waitMs ?? reconnectMaxMs),
      ),
      onClosed: whenMine((mine, reason: GapReason, detail: string) => lose(mine, reason, detail)),
      onEnd: whenMine((mine) => {
        forget(mine);
        handlers.onDisconnected();
        handlers.onEnd();
      }),
    };
    opening.it = current = { line: open(events), isOpen: false, openedAtMs: 0, dataAtMs: 0 };
  }

  function opened(mine: Current): void {
    mine.isOpen = true;
    mine.openedAtMs = mine.dataAtMs = performance.now();
    connection += 1;
    log.info({ connection }, 'feed connected');
    stableTimer = setTimeout(() => {
      failures = 0;
      failingSinceMs = null;
    }, stableMs);
    watchdog = setTimeout(() => {
      if (state === 'running') lose(mine, 'silent', `no frame for ${silenceMs} ms`);
    }, silenceMs);
    options.hasStoodStill();
    lookTimer = setInterval(() => {
      lookForStandstill(mine);
      lookForMuteness(mine);
    }, LOOK_MS);
    handlers.onConnected(connection, lost);
    lost = null;
    if (state === 'paused') mine.line.pause();
  }

  function alive(mine: Current): void {
    watchdog?.refresh();
    lookForStandstill(mine);
    if (answerTimer === undefined && current === mine) handlers.onAlive();
  }

  /**
   * After a standstill what is received may have lain in a buffer since before it, and the line may be long
   * gone: it counts as alive again when the vendor has answered.
   */
  function lookForStandstill(mine: Current): void {
    if (!options.hasStoodStill() || isReplay || answerTimer !== undefined) return;
    log.warn({ connection }, 'this process stood still: asking the feed whether the line has outlasted it');
    handlers.onStandstill();
    if (mine.line.ask === null) {
      lose(mine, 'suspended', 'this process stood still, and this feed cannot be asked');
      return;
    }
    mine.line.ask();
    answerTimer = setTimeout(() => {
      lose(mine, 'suspended', `no answer for ${ANSWER_MS} ms after a standstill`);
    }, ANSWER_MS);
  }

  function heardData(mine: Current): void {
    mine.dataAtMs = performance.now();
    if (mine.dataAtMs - mine.openedAtMs > GREETING_MS) muteLines = 0;
  }

  /** A line may answer every question and bring nothing: in a market's hours it is made anew. */
  function lookForMuteness(mine: Current): void {
    if (current !== mine || isReplay) return;
    if (options.mayBeSilent()) watchdog?.refresh();
    const nowMs = performance.now();
    if (state !== 'running' || !options.isDataExpected()) {
      mine.dataAtMs = nowMs;
      return;
    }
    const boundMs = Math.min(options.muteMs * 2 ** muteLines, Math.max(options.muteMs, MAX_MUTE_MS));
    if (nowMs - mine.dataAtMs < boundMs) return;
    muteLines += 1;
    lose(mine, 'mute', `no data for ${boundMs} ms, though a market is open`);
  }

  function forgetQuestion(): void {
    clearTimeout(answerTimer);
    answerTimer = undefined;
  }

  /**
   * Ends a connection, or an attempt at one; it is heard no more before another one is tried. `refusedMs` is
   * how long the vendor does not want to be asked; null if it has not said so.
   */
  function lose(mine: Current, reason: GapReason, detail: string, refusedMs: number | null = null): void {
    if (current !== mine) return;
    const isSuspended = answerTimer !== undefined;
    forget(mine);
    if (mine.isOpen) {
      lost = isSuspended ? 'suspended' : reason;
      handlers.onDisconnected();
    }
    if (state === 'stopped') return;
    const waitMs = refusedMs ?? (isOutOfPatience() ? reconnectMaxMs : nextWaitMs());
    failures += 1;
    const line = `${mine.isOpen ? 'feed lost' : 'Cannot connect to the feed'}: ${detail}`;
    log[refusedMs === null ? 'warn' : 'error']({ connection, waitMs }, line);
    handlers.onWaiting(detail, waitMs, refusedMs !== null);
    reconnectTimer = setTimeout(connect, waitMs);
  }

  function nextWaitMs(): number {
    return backOffMs(failures, options.random(), { firstMs: reconnectMinMs, maxMs: reconnectMaxMs });
  }

  function isOutOfPatience(): boolean {
    const nowMs = performance.now();
    failingSinceMs ??= nowMs;
    return nowMs - failingSinceMs >= PATIENCE_MS;
  }

  function forget(mine: Current): void {
    current = null;
    clearTimeout(watchdog);
    clearTimeout(stableTimer);
    clearInterval(lookTimer);
    forgetQuestion();
    watchdog = undefined;
    stableTimer = undefined;
    mine.line.cut();
  }

  return {
    start: connect,
    pause() {
      if (state !== 'running') return;
      state = 'paused';
      if (current?.isOpen === true) current.line.pause();
    },
    resume() {
      if (state !== 'paused') return;
      state = 'running';
      if (current?.isOpen === true) current.line.resume();
      watchdog?.refresh();
    },
    async stop(goodbye) {
      state = 'stopped';
      clearTimeout(reconnectTimer);
      const mine = current;
      if (mine === null) return;
      if (goodbye && mine.isOpen) await mine.line.leave();
      if (current === mine) forget(mine);
    },
  };
}

function isData(frame: FeedFrame): boolean {
  return frame.kind === 'trade' || frame.kind === 'book' || frame.kind === 'news';
}
