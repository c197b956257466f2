import { formatPositions, parsePositions, type Positions } from './positions.ts';
import type { StreamHub } from './hub.ts';
import type { StreamEvent, StreamKind } from './stream-event.ts';

/** What somebody wants to hear of. */
export interface StreamWish {
  readonly kinds: ReadonlySet<StreamKind>;
  /** Null for all. */
  readonly symbols: ReadonlySet<string> | null;
  readonly feed: string | null;
  /** The id of the last event that was heard; null to begin now. */
  readonly lastEventId: string | null;
}

/** How streams are kept. */
export interface StreamSettings {
  /** A stream ends itself after this long, before Knative would cut it; the client comes again by itself. */
  readonly lifeMs: number;
  /** How often a comment shows that the line is alive. */
  readonly commentMs: number;
  /** Most bytes that wait for a client that does not read; then its stream ends, and it may resume. */
  readonly maxWaitingBytes: number;
}

/** Open streams, so that they can be ended together. */
export interface Streams {
  open(wish: StreamWish): Promise<Response>;
  count(): number;
  endAll(): void;
}

/** How soon a client is to come again, milliseconds. */
const RETRY_MS = 500;

/** Server-sent events (WHATWG HTML, "Server-sent events") of what a hub hands out. */
export function createStreams(hub: StreamHub, settings: StreamSettings): Streams {
  const open = new Set<() => void>();

  return {
    count: () => open.size,
    endAll() {
      for (const end of open) end();
    },
    async open({ kinds, symbols, feed, lastEventId }) {
      const from = lastEventId === null ? null : parsePositions(lastEventId);
      const encoder = new TextEncoder();
      let controller: ReadableStreamDefaultController<Uint8Array> | null = null;
      let stop: (() => void) | null = null;
      let isOver = false;

      function end(): void {
        if (isOver) return;
        isOver = true;
        clearTimeout(life);
        clearInterval(comments);
        open.delete(end);
        stop?.();
        try {
          controller?.close();
        } catch {
          // The client has closed it already.
        }
      }

      function send(text: string): void {
        if (isOver || controller === null) return;
        controller.enqueue(encoder.encode(text));
        if ((controller.desiredSize ?? 0) < 0) end();
      }

      function sendEvent(name: string, data: unknown, positions: Positions): void {
        send(`event: ${name}\nid: ${formatPositions(positions)}\ndata: ${JSON.stringify(data)}\n\n`);
      }

      const body = new ReadableStream<Uint8Array>(
        {
          start(own) {
            controller = own;
          },
          cancel: end,
        },
        new ByteLengthQueuingStrategy({ highWaterMark: settings.maxWaitingBytes }),
      );
      const life = setTimeout(end, settings.lifeMs);
      const comments = setInterval(() => send(': alive\n\n'), settings.commentMs);
      open.add(end);
      send(`retry: ${RETRY_MS}\n\n`);
      // An id that cannot be read begins now, and says that something may be missing.
      if (lastEventId !== null && from === null) send('event: missed\ndata: {}\n\n');
      try {
        const listening = await hub.listen(from, {
          // An id from the beginning, so that even a stream that was silent can be resumed without a gap.
          onBegin: (positions) => sendEvent('begin', {}, positions),
          onEvent(event, positions) {
            const told = select(event, { kinds, symbols, feed });
            if (told !== null) sendEvent(told.kind, { feed: told.feed, rows: told.rows }, positions);
          },
          onMissed: () => send('event: missed\ndata: {}\n\n'),
          onEnd: end,
        });
        if (isOver) listening.stop();
        else stop = listening.stop;
      } catch (error) {
        end();
        throw error;
      }
      return new Response(body, {
        headers: {
          'content-type': 'text/event-stream; charset=utf-8',
          'cache-control': 'no-store',
          'x-accel-buffering': 'no',
        },
      });
    },
  };
}

function select(
  event: StreamEvent,
  { kinds, symbols, feed }: Pick<StreamWish, 'kinds' | 'symbols' | 'feed'>,
): StreamEvent | null {
  if (!kinds.has(event.kind) || (feed !== null && event.feed !== feed)) return null;
  if (symbols === null) return event;
  const rows = event.rows.filter(({ symbol }) => symbols.has(symbol));
  return rows.length === 0 ? null : { ...event, rows };
}
