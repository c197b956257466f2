import { createParser } from 'eventsource-parser';

/** How the stream is: `live`, or since when nothing was heard of the server. */
export type StreamState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  | { readonly kind: 'stale'; readonly sinceMs: number };

/** What a stream tells. */
export interface StreamListener {
  /** Called with every event, each once and in order, however often the line was lost in between. */
  readonly onEvent: (kind: string, data: unknown) => void;
  /** Called first, and when something may have been missed: what was read is to be read again. */
  readonly onBegin: () => void;
  readonly onState: (state: StreamState) => void;
}

/** A stream that goes on. */
export interface LiveStream {
  close(): void;
}

/** The server sends a comment every 15 s: without a byte for longer than this the line is gone. */
const SILENT_MS = 20_000;
/** A hidden page listens for this long, then lets the server sleep. */
const HIDDEN_MS = 60_000;
const LOOK_MS = 1_000;
const RETRY_MS = 500;
const MAX_RETRY_MS = 5_000;
/** A line that is back within this was never seen to be gone. */
const TOLD_AFTER_MS = 1_500;

/**
 * Listens to server-sent events until it is closed, and comes again with the id of the last event, whatever
 * ended the line: so nothing is lost and nothing is read twice.
 *
 * Read by hand and not by the browser's own `EventSource`, which gives up for good after an answer such as 503,
 * does not show the comments that prove a quiet line alive, and forgets its place when it is made anew.
 */
export function openLiveStream(url: string, listener: StreamListener): LiveStream {
  let lastId: string | null = null;
  let heardMs = Date.now();
  let connection: { readonly abort: AbortController; readonly sinceMs: number } | null = null;
  let retryMs = RETRY_MS;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isLive = false;
  let isClosed = false;
  let isPaused = false;
  let hiddenMs: number | null = null;
  let told = '';

  function tell(state: StreamState): void {
    const text = JSON.stringify(state);
    if (text === told || isClosed) return;
    told = text;
    listener.onState(state);
  }

  const tellStale = (): void => tell({ kind: 'stale', sinceMs: heardMs });

  function take(event: string, data: string): void {
    if (event === 'begin') {
      isLive = true;
      retryMs = RETRY_MS;
      tell({ kind: 'live' });
    } else if (event === 'missed') listener.onBegin();
    else listener.onEvent(event, JSON.parse(data));
  }

  async function connect(): Promise<void> {
    const abort = new AbortController();
    const own = { abort, sinceMs: Date.now() };
    connection = own;
    const parser = createParser({
      onEvent({ event = 'message', id, data }) {
        if (abort.signal.aborted) return;
        const isFirst = lastId === null;
        if (id !== undefined) lastId = id;
        try {
          take(event, data);
        } catch (error) {
          // A fault of the page's own, which is to be seen: the line is well.
          reportError(error);
        }
        if (isFirst && event === 'begin') listener.onBegin();
      },
    });
    try {
      const response = await fetch(url, {
        headers: lastId === null ? {} : { 'last-event-id': lastId },
        signal: abort.signal,
        cache: 'no-store',
      });
      if (!response.ok || response.body === null) throw new Error(`status ${response.status}`);
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        heardMs = Date.now();
        parser.feed(value);
      }
    } catch {
      // Whatever it was: the line is gone, and is made again below.
    }
    if (connection !== own) return;
    drop();
    // A stream that ends itself in order is there again within a moment: that is no news to anybody.
    setTimeout(() => {
      if (!isLive && !isClosed) tellStale();
    }, TOLD_AFTER_MS);
    timer = setTimeout(() => void connect(), retryMs);
    retryMs = Math.min(MAX_RETRY_MS, retryMs * 2);
  }

  function drop(): void {
    clearTimeout(timer);
    const dropped = connection;
    connection = null;
    isLive = false;
    dropped?.abort.abort();
  }

  function again(): void {
    if (isClosed) return;
    drop();
    isPaused = false;
    retryMs = RETRY_MS;
    void connect();
  }

  const watch = setInterval(() => {
    const nowMs = Date.now();
    if (isPaused) return;
    if (hiddenMs !== null && nowMs - hiddenMs > HIDDEN_MS) {
      isPaused = true;
      drop();
      tellStale();
    } else if (nowMs - heardMs > SILENT_MS) {
      tellStale();
      // A machine that slept has a line that is dead and does not know it.
      if (connection !== null && nowMs - Math.max(heardMs, connection.sinceMs) > SILENT_MS) again();
    }
  }, LOOK_MS);

  function onVisibility(): void {
    hiddenMs = document.hidden ? Date.now() : null;
    if (!document.hidden && isPaused) again();
  }

  document.addEventListener('visibilitychange', onVisibility);
  addEventListener('online', again);
  tell({ kind: 'connecting' });
  void connect();
  return {
    close() {
      isClosed = true;
      clearInterval(watch);
      document.removeEventListener('visibilitychange', onVisibility);
      removeEventListener('online', again);
      drop();
    },
  };
}
