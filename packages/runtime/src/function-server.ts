import { AsyncLocalStorage } from 'node:async_hooks';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import pLimit from 'p-limit';
import { z } from 'zod';
import { AvroEnv } from './avro/avro-env.ts';
import type { AvroEvents } from './avro/avro-events.ts';
import { logLevel, port, requestBudgetMs, wholeNumber } from './config.ts';
import { checkEnvelope, type EnvelopeRules, isAvroType, type Refusal, tooLarge } from './envelope.ts';
import { describeError, factsOf, FatalError, PoisonError } from './errors.ts';
import type { Logger } from './log.ts';
import { countRefusedSender, createEventMetrics } from './event-metrics.ts';
import { MetricsEnv } from './instruments.ts';
import { parseEventData, type ReceivedEvent } from './received-event.ts';
import { MAX_UNREAD_BYTES, readBody } from './http-body.ts';
import { createSenderCheck } from './sender.ts';
import { type SenderCheck, SenderEnv } from './sender-rules.ts';
import { traceIdOf } from './trace.ts';

/** Variables that every function has. */
export const FunctionEnv = z.object({
  ...MetricsEnv.shape,
  ...SenderEnv.shape,
  ...AvroEnv.shape,
  PORT: port.default(8080),
  LOG_LEVEL: logLevel.default('info'),
  /** Largest event that is taken; a clean batch of 400 trades has about 50 KB. */
  BODY_LIMIT_BYTES: wholeNumber(1_024, 16_777_216).default(2_097_152),
  /**
   * Most events under way at once, and most of their bytes: what comes beyond is answered 429, and delivered
   * again. Above the containerConcurrency of the manifests, for a queue in front of the function may be missing
   * or mistaken.
   */
  MAX_IN_FLIGHT: wholeNumber(1, 10_000).default(48),
  MAX_IN_FLIGHT_BYTES: wholeNumber(1_024, 1_073_741_824).default(16_777_216),
  /** How long running requests may take to end after SIGTERM. */
  DRAIN_MS: requestBudgetMs(20_000),
  /** Refuse connections from other machines: set on a laptop, where the runtime would listen to all of them. */
  LOOPBACK_ONLY: z.stringbool().default(false),
});

/** A function to serve. */
export interface ServedFunction {
  readonly types: EnvelopeRules['types'];
  /** Takes one event; resolves when its effect is durable. Throws one of the three errors, or anything. */
  readonly handle: (event: ReceivedEvent) => Promise<void>;
  /**
   * Most events of a type that are handled at once, for types that have a bound. The others wait as the bytes
   * that came, outside of the heap: parsed, a thousand trades are thirty times as many objects.
   */
  readonly atOnce?: Readonly<Record<string, number>>;
  /** Closes connections; called once, after the last request has ended. */
  readonly close: () => Promise<void>;
  /** Reads the events that are Avro; where it is null, they are refused. */
  readonly avro: AvroEvents | null;
}

/**
 * Serves a function over HTTP on the Knative function runtime, and stays until SIGTERM or SIGINT.
 *
 * Answers 204 when the effect is durable, 4xx with a reason to what can never work, 503 to what may work later.
 *
 * @param name The function's; a sender's token must be for it, where senders are checked.
 */
export async function serveFunction(
  name: string,
  served: ServedFunction,
  settings: z.infer<typeof FunctionEnv>,
  log: Logger,
): Promise<Server> {
  const sender = createSenderCheck(name, settings, log);
  // Before the runtime's own hook, which would end the process with exit code 0.
  for (const fault of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(fault, (error) => {
      log.fatal({ err: error }, `Cannot go on: ${describeError(error)}`);
      process.exit(1);
    });
  }
  const requests = createRequestCount(settings);
  const inTurn = createTurns(served.atOnce ?? {});
  const bodies: Bodies = new AsyncLocalStorage();
  let stopped: Promise<void> | null = null;
  const stop = async (): Promise<void> => {
    log.info({ inFlight: requests.count() }, 'stopping: taking no new events');
    await requests.drain(settings.DRAIN_MS);
    await served.close();
  };
  // Loaded only now, while the connections that were begun before are answered.
  const { default: func } = await import('@knative/func-ts');
  const server = await func.start(
    {
      handle: async (context: { readonly cloudevent?: RuntimeEvent }) =>
        answer(
          (event) => {
            const body = bodies.getStore() ?? NO_BODY;
            return inTurn(event.type, async () =>
              served.handle(await receivedEvent(event, body, served.avro)),
            );
          },
          context.cloudevent,
          log,
        ),
      // The runtime calls it on every signal, and a second one may come while the first is under way.
      shutdown: () => (stopped ??= stop()),
    },
    { port: settings.PORT },
  );
  if (settings.LOOPBACK_ONLY) {
    server.on('connection', (socket) => {
      if (!/^(::1$|(::ffff:)?127\.)/.test(socket.remoteAddress ?? '')) socket.destroy();
    });
  }
  const rules = {
    types: served.types,
    maxBodyBytes: settings.BODY_LIMIT_BYTES,
    takesAvro: served.avro !== null,
  };
  putBoundaryInFront(server, { rules, requests, sender, bodies });
  log.info({ port: settings.PORT, startMs: Math.round(process.uptime() * 1000) }, 'ready');
  return server;
}

interface RequestCount {
  count(): number;
  isDraining(): boolean;
  /** @returns False if there is no room for it: then it is not counted. */
  track(request: IncomingMessage, response: ServerResponse): boolean;
  drain(deadlineMs: number): Promise<void>;
}

function createRequestCount({
  MAX_IN_FLIGHT: maxInFlight,
  MAX_IN_FLIGHT_BYTES: maxBytes,
  BODY_LIMIT_BYTES: maxBodyBytes,
}: z.infer<typeof FunctionEnv>): RequestCount {
  let inFlight = 0;
  let bytes = 0;
  let whenIdle: (() => void) | null = null;
  return {
    count: () => inFlight,
    isDraining: () => whenIdle !== null,
    track(request, response) {
      // In chunks it may be as long as the body limit lets it.
      const length = Number(request.headers['content-length'] ?? maxBodyBytes);
      // One alone is always taken, or an event larger than the bound would be tried again for ever.
      if (inFlight > 0 && (inFlight >= maxInFlight || bytes + length > maxBytes)) return false;
      inFlight += 1;
      bytes += length;
      response.once('close', () => {
        inFlight -= 1;
        bytes -= length;
        if (inFlight === 0) whenIdle?.();
      });
      return true;
    },
    drain: (deadlineMs) =>
      new Promise((resolve) => {
        whenIdle = resolve;
        if (inFlight === 0) resolve();
        setTimeout(resolve, deadlineMs).unref();
      }),
  };
}

interface Boundary {
  readonly rules: EnvelopeRules;
  readonly requests: RequestCount;
  /** Null where nobody is asked who they are. */
  readonly sender: SenderCheck | null;
  readonly bodies: Bodies;
}

/** The data of an event as they came. */
interface Body {
  readonly bytes: Uint8Array;
  readonly isAvro: boolean;
}

const NO_BODY: Body = { bytes: new Uint8Array(), isAvro: false };

/** The data of the event whose request is under way. */
type Bodies = AsyncLocalStorage<Body>;

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * Takes the place of the runtime's request listener: probes and envelopes are ours, good events are passed on.
 */
function putBoundaryInFront(server: Server, { rules, requests, sender, bodies }: Boundary): void {
  const [inner, ...others] = server.listeners('request') as Listener[];
  if (inner === undefined || others.length > 0) {
    throw new FatalError('Cannot start: the function runtime has not exactly one request listener');
  }
  const measure = createEventMetrics(rules.types);
  server.removeAllListeners('request');
  server.on('request', (request, response) => {
    if (request.method === 'GET') return answerProbe(request, response, requests.isDraining());
    measure(request, response);
    const refusal = refuse(request, rules);
    if (refusal !== null) return reply(response, refusal.status, refusal.reason, request);
    if (requests.isDraining()) return reply(response, 503, 'Stopping: send the event again', request);
    if (!requests.track(request, response))
      return reply(response, 429, 'Busy: send the event again', request);
    const { authorization } = request.headers;
    // Nothing behind this line needs it, so nothing can log it.
    delete request.headers.authorization;
    const pass = async (): Promise<void> => {
      const bytes = await readBody(request, rules.maxBodyBytes).catch(() => undefined);
      // The sender went away or never ends: there is nobody to answer.
      if (bytes === undefined) return void response.destroy();
      if (bytes === null) {
        const { status, reason } = tooLarge(rules.maxBodyBytes);
        return reply(response, status, reason, request);
      }
      const isAvro = isAvroType(request.headers['content-type']);
      // The runtime makes an event of the headers alone: of data it would make a copy in base64 at each of two
      // looks, and they are parsed once, strictly, by us.
      for (const header of BODY_HEADERS) delete request.headers[header];
      bodies.run({ bytes, isAvro }, () => inner(request, response));
    };
    if (sender === null) return void pass();
    void sender(authorization).then((fault) => {
      if (response.destroyed) return;
      if (fault === null) return void pass();
      countRefusedSender(fault);
      if (fault === 'keys_away')
        return reply(response, 503, 'Cannot judge the sender now: send the event again', request);
      response.setHeader('www-authenticate', 'Bearer');
      reply(response, 401, `The sender's token is refused: ${fault}`, request);
    });
  });
}

const BODY_HEADERS = ['content-type', 'content-length', 'transfer-encoding'] as const;

function refuse(request: IncomingMessage, rules: EnvelopeRules): Refusal | null {
  if (request.method !== 'POST') return { status: 405, reason: 'Send events by POST' };
  if (request.url !== '/') return { status: 404, reason: 'Events are taken at /' };
  return checkEnvelope(request.headers, rules);
}

function answerProbe(request: IncomingMessage, response: ServerResponse, draining: boolean): void {
  if (request.url === '/health/liveness') return reply(response, 200, 'OK');
  if (request.url === '/health/readiness')
    return reply(response, draining ? 503 : 200, draining ? 'stopping' : 'OK');
  reply(response, 404, 'Events are taken by POST at /');
}

function reply(response: ServerResponse, status: number, text: string, unread?: IncomingMessage): void {
  // A body that nobody reads would keep the connection busy. It is taken and thrown away, for a sender whose
  // connection is cut while it writes sees a broken pipe and no answer, and sends the event again and again.
  if (unread !== undefined) {
    unread.resume();
    if (Number(unread.headers['content-length'] ?? 0) > MAX_UNREAD_BYTES)
      response.setHeader('connection', 'close');
  }
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(text);
}

interface RuntimeEvent {
  readonly id: string;
  readonly type: string;
  readonly source: string;
  readonly dataschema?: string;
  readonly knativekafkaoffset?: unknown;
  readonly traceparent?: unknown;
}

/** Runs a task when it is its type's turn. */
function createTurns(
  atOnce: Readonly<Record<string, number>>,
): (type: string, task: () => Promise<void>) => Promise<void> {
  const limits = new Map(Object.entries(atOnce).map(([type, most]) => [type, pLimit(most)]));
  return (type, task) => limits.get(type)?.(task) ?? task();
}

/**
 * @throws {PoisonError} If its data cannot be read.
 * @throws {RetryableError} If they are Avro, and the registry is away.
 */
async function receivedEvent(
  event: RuntimeEvent,
  { bytes, isAvro }: Body,
  avro: AvroEvents | null,
): Promise<ReceivedEvent> {
  const offset = event.knativekafkaoffset;
  return {
    id: event.id,
    type: event.type,
    source: event.source,
    attributes: { ...event },
    data:
      isAvro && avro !== null ? await avro.read(event.type, event.dataschema, bytes) : parseEventData(bytes),
    offset: typeof offset === 'string' && /^\d{1,18}$/.test(offset) ? BigInt(offset) : null,
  };
}

/**
 * Runs the handler and maps its outcome to a status; never throws, for the runtime would make `err.code` a
 * status.
 */
async function answer(
  handle: (event: RuntimeEvent) => Promise<void>,
  event: RuntimeEvent | undefined,
  log: Logger,
): Promise<unknown> {
  const place = { event: event?.id, type: event?.type, trace_id: traceIdOf(event?.traceparent) };
  try {
    if (event === undefined) throw new PoisonError('Cannot read the event: the runtime saw no CloudEvent');
    await handle(event);
    log.debug(place, 'done');
    return undefined;
  } catch (error) {
    const reason = describeError(error);
    const facts = { ...factsOf(error), ...place };
    if (error instanceof PoisonError) {
      log.warn(facts, reason);
      return refusal(422, reason);
    }
    if (error instanceof FatalError) {
      log.fatal({ ...facts, err: error }, reason);
      setTimeout(() => process.exit(1), 100);
      return refusal(500, reason);
    }
    log.warn({ ...facts, err: error }, reason);
    return refusal(503, reason);
  }
}

function refusal(statusCode: number, body: string): unknown {
  return { statusCode, headers: { 'content-type': 'text/plain; charset=utf-8' }, body };
}
