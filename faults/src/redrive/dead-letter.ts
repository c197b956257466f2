import type { IHeaders, KafkaMessage } from 'kafkajs';

/** An event that a KafkaSource gave up on, as it lies in `market.dead.v1`. Its body is not in memory. */
export interface DeadLetter {
  readonly partition: number;
  readonly offset: string;
  /** When it was given up, epoch milliseconds, by the broker's or the sink's clock. */
  readonly givenUpMs: number;
  readonly id: string;
  readonly type: string;
  readonly shard: string;
  /** Name of the function that did not take it, such as `aggregate`. */
  readonly destination: string;
  /** Status of the last answer; null if there was none. */
  readonly status: number | null;
  /** Beginning of the last answer's text. */
  readonly reason: string;
}

/** Names that the dispatcher added: those of the error, and where in the topic the event was. */
const ADDED = /^ce_knative(error(dest|code|data)|kafka(partition|offset))$/;
/** Answers that KafkaSource tries again after; any other 3xx and 4xx says that the event can never work. */
const RETRIED: readonly number[] = [404, 408, 409, 429];

/** Reads the facts of a dead letter; what is missing is empty. */
export function readDeadLetter(partition: number, message: KafkaMessage): DeadLetter {
  const text = (name: string): string => headerText(message.headers, `ce_${name}`);
  const code = text('knativeerrorcode');
  return {
    partition,
    offset: message.offset,
    givenUpMs: Number(message.timestamp),
    id: text('id'),
    type: text('type'),
    shard: text('shard') || text('partitionkey'),
    destination: destinationOf(text('knativeerrordest')),
    status: /^\d{3}$/.test(code) ? Number(code) : null,
    reason: Buffer.from(text('knativeerrordata'), 'base64').toString('utf8').trim(),
  };
}

/** True if the function said that the event can never work: sent again as it is, it would only come back. */
export function isRefused({ status }: DeadLetter): boolean {
  return status !== null && status >= 300 && status < 500 && !RETRIED.includes(status);
}

/** The headers of the event as it first was. */
export function originalHeaders(headers: IHeaders | undefined): IHeaders {
  return Object.fromEntries(Object.entries(headers ?? {}).filter(([name]) => !ADDED.test(name)));
}

/** The service is the first part of the address: `http://aggregate.kandle.svc.cluster.local`. */
function destinationOf(address: string): string {
  return /^[a-z]+:\/\/([^./:]+)/.exec(address)?.[1] ?? '';
}

/** A header's text; the last one where a name is repeated. */
export function headerText(headers: IHeaders | undefined, name: string): string {
  const value = headers?.[name];
  return String((Array.isArray(value) ? value.at(-1) : value) ?? '');
}
