import { setTimeout as sleep } from 'node:timers/promises';

/** An event as a client of server-sent events sees it. */
export interface SeenEvent {
  readonly name: string;
  readonly data: unknown;
}

/** A client that comes again, with the id of the last event it heard, as a browser does. */
export interface StreamClient {
  readonly seen: readonly SeenEvent[];
  /** How many times it was connected. */
  connections(): number;
  stop(): Promise<void>;
}

/** Listens until it is stopped. @param url Asked for each connection, for a new process has a new port. */
export function listenToStream(url: () => string): StreamClient {
  const seen: SeenEvent[] = [];
  const stopping = new AbortController();
  let lastId: string | undefined;
  let connections = 0;

  async function connectOnce(): Promise<void> {
    const response = await fetch(url(), {
      headers: lastId === undefined ? {} : { 'last-event-id': lastId },
      signal: stopping.signal,
    });
    if (!response.ok || response.body === null) throw new Error(`status ${response.status}`);
    connections += 1;
    let text = '';
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      // Only what a blank line ends is an event: half of one is forgotten, and comes again.
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        take(text.slice(0, end));
        text = text.slice(end + 2);
      }
    }
  }

  function take(block: string): void {
    const fields = new Map(
      block
        .split('\n')
        .filter((line) => !line.startsWith(':'))
        .map((line) => {
          const [name = '', ...rest] = line.split(': ');
          return [name, rest.join(': ')] as const;
        }),
    );
    lastId = fields.get('id') ?? lastId;
    const data = fields.get('data');
    if (data !== undefined) seen.push({ name: fields.get('event') ?? 'message', data: JSON.parse(data) });
  }

  const running = (async () => {
    while (!stopping.signal.aborted) {
      await connectOnce().catch(() => undefined);
      await sleep(50, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  })();
  return {
    seen,
    connections: () => connections,
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
