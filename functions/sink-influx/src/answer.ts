import { z } from 'zod';

/** What an answer of InfluxDB means for the event. */
export interface Verdict {
  /**
   * `taken`: all points are durable. `refused`: some or all are wrong for ever, and those that are not are
   * written. `later`: try again.
   */
  readonly kind: 'taken' | 'refused' | 'later';
  /** InfluxDB's reason in one line; empty where it took all. */
  readonly reason: string;
}

/** Its errors: 1.x and 3 name a reason `error`, 2 `message`; 3 tells of each line that it refused. */
const ErrorSchema = z.object({
  error: z.string().optional(),
  message: z.string().optional(),
  data: z
    .array(z.object({ line_number: z.number(), error_message: z.string() }))
    .nullish()
    .catch(undefined),
});

/** What of an error may be in a log and a dead letter. */
const MAX_REASON = 300;

/**
 * Nothing but 204 says that the points are there. A wrong token or a database that is not there yet is mended
 * without the event, so that it may come again; points that InfluxDB refuses it refuses for ever.
 */
export function judgeAnswer(status: number, body: string): Verdict {
  if (status === 204) return { kind: 'taken', reason: '' };
  const reason = `${status} ${reasonOf(body)}`.slice(0, MAX_REASON);
  return { kind: [400, 413, 422].includes(status) ? 'refused' : 'later', reason };
}

function reasonOf(body: string): string {
  const parsed = ErrorSchema.safeParse(parseJson(body));
  if (!parsed.success) return oneLine(body);
  const { error = '', message = '', data } = parsed.data;
  const lines = data ?? [];
  const [first] = lines;
  const more =
    first === undefined ? '' : `: ${lines.length} lines, of line ${first.line_number} ${first.error_message}`;
  return oneLine(`${error || message}${more}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}
