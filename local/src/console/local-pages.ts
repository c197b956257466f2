import type { IncomingMessage, ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import { describeError } from '@kandle/runtime/errors';
import { z } from 'zod';

/** What only the launcher on this machine can tell; the console shows it where it is there. */
export interface LocalAnswers {
  /** The run as the live view knows it, and what of it was refused. */
  run(): Promise<unknown>;
  deadLetters(): Promise<unknown>;
  /** Sends a dead letter again. @returns What the command said. */
  redrive(id: string): Promise<unknown>;
  tables(): Promise<unknown>;
  rows(table: string, limit: number): Promise<unknown>;
  topics(): Promise<unknown>;
  events(topic: string, limit: number): Promise<unknown>;
}

/** A request that asks for what is not there, or must not ask; the text is for a person. */
export class RefusedRequest extends Error {
  override readonly name = 'RefusedRequest';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Most rows or events of one answer. */
const MAX_LISTED = 200;

const LimitSchema = z.coerce.number().int().min(1).max(MAX_LISTED).catch(50);
const RedriveSchema = z.strictObject({ id: z.string().min(1).max(300) });

/**
 * Answers paths below `/local/`, from pages of this machine only: another name for 127.0.0.1, or a page of
 * another host, is refused.
 *
 * @returns False for every other path.
 */
export function createLocalPages(
  answers: () => LocalAnswers | null,
): (incoming: IncomingMessage, outgoing: ServerResponse) => boolean {
  async function answer(incoming: IncomingMessage, url: URL): Promise<unknown> {
    const found = answers();
    if (found === null) throw new RefusedRequest(503, 'The run is about to begin, or to end');
    refuseOthers(incoming);
    const name = url.searchParams.get('name') ?? '';
    const limit = LimitSchema.parse(url.searchParams.get('limit') ?? 50);
    switch (`${incoming.method ?? ''} ${url.pathname}`) {
      case 'GET /local/run':
        return found.run();
      case 'GET /local/dead-letters':
        return found.deadLetters();
      case 'POST /local/redrive':
        return found.redrive(RedriveSchema.parse(await json(incoming)).id);
      case 'GET /local/tables':
        return found.tables();
      case 'GET /local/rows':
        return found.rows(name, limit);
      case 'GET /local/topics':
        return found.topics();
      case 'GET /local/events':
        return found.events(name, limit);
      default:
        throw new RefusedRequest(404, `There is no ${url.pathname}`);
    }
  }

  return (incoming, outgoing) => {
    const url = new URL(incoming.url ?? '/', 'http://127.0.0.1');
    if (!url.pathname.startsWith('/local/')) return false;
    answer(incoming, url).then(
      (data) => send(outgoing, 200, data),
      (error: unknown) => {
        const isRefused = error instanceof RefusedRequest;
        const status = isRefused ? error.status : error instanceof z.ZodError ? 400 : 503;
        send(outgoing, status, { title: isRefused ? error.message : describeError(error) });
      },
    );
    return true;
  };
}

/** A page of another host could else ask by a name that points here, or send what it may not read. */
function refuseOthers({ headers, method }: IncomingMessage): void {
  const host = headers.host ?? '';
  if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(host))
    throw new RefusedRequest(403, 'Only pages of this machine are answered');
  if (method === 'POST' && headers.origin !== `http://${host}`)
    throw new RefusedRequest(403, 'Only the console itself may do this');
}

function send(outgoing: ServerResponse, status: number, data: unknown): void {
  const text = JSON.stringify(data, (_, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
  outgoing
    .writeHead(status, {
      'content-type': status === 200 ? 'application/json' : 'application/problem+json',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    })
    .end(text);
}
