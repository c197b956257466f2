import type { IHeaders, KafkaMessage } from 'kafkajs';

/** Where a record came from. */
export interface Origin {
  readonly topic: string;
  readonly partition: number;
  /** Name of the KafkaSource. */
  readonly source: string;
}

/** The event that KafkaSource makes of a record. */
export interface SourceEvent {
  /** Its attributes by name, as text; the data's content type is not among them. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly contentType: string | undefined;
  readonly traceparent: string | undefined;
  readonly body: Buffer;
}

const REQUIRED = ['specversion', 'id', 'source', 'type'];
const NAME = /^[a-z0-9]+$/;

/**
 * Makes an event of a record; one that is no whole CloudEvent becomes a plain one of KafkaSource's own type.
 */
export function eventOfRecord(message: KafkaMessage, origin: Origin): SourceEvent {
  const headers = textHeaders(message.headers);
  const body = message.value ?? Buffer.alloc(0);
  const found = readBinary(headers, body) ?? readStructured(headers, body) ?? makePlain(message, origin);
  return {
    ...found,
    attributes: {
      ...found.attributes,
      knativekafkapartition: String(origin.partition),
      knativekafkaoffset: message.offset,
    },
  };
}

/** Namespace of the sources, as the manifests name it. */
const NAMESPACE = 'kandle';
/** What KafkaSource's dispatcher says of itself in every request. */
const DISPATCHER_HEADERS = {
  'user-agent': 'Vert.x-WebClient',
  prefer: 'reply',
  'kn-namespace': NAMESPACE,
};

/** The headers of an event's request: CloudEvents binary mode over HTTP. */
export function requestHeaders(event: SourceEvent): Record<string, string> {
  return { ...DISPATCHER_HEADERS, ...mapValues(named(event, 'ce-'), toHeaderValue) };
}

/** True if an attribute has a line break: KafkaSource drops such an event, and makes no dead letter of it. */
export function hasLineBreak({ attributes }: SourceEvent): boolean {
  return Object.values(attributes).some((value) => /[\r\n]/.test(value));
}

/** The headers of an event as a Kafka record: CloudEvents binary mode over Kafka. */
export function recordHeaders(event: SourceEvent): Record<string, string> {
  return named(event, 'ce_');
}

function named(
  { attributes, contentType, traceparent }: SourceEvent,
  prefix: string,
): Record<string, string> {
  return {
    ...Object.fromEntries(Object.entries(attributes).map(([name, value]) => [prefix + name, value])),
    ...(contentType === undefined ? {} : { 'content-type': contentType }),
    ...(traceparent === undefined ? {} : { traceparent }),
  };
}

/** An event whose attributes are the record's `ce_` headers; null if it is no whole one. */
function readBinary(headers: Readonly<Record<string, string>>, body: Buffer): SourceEvent | null {
  const attributes = Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      name.startsWith('ce_') ? [[name.slice(3), value]] : [],
    ),
  );
  if (!isWhole(attributes)) return null;
  return { attributes, contentType: headers['content-type'], traceparent: headers['traceparent'], body };
}

/** An event that is one JSON text with its attributes and data; null if it is no whole one. */
function readStructured(headers: Readonly<Record<string, string>>, body: Buffer): SourceEvent | null {
  if (!/^application\/cloudevents\+json\s*(;|$)/i.test(headers['content-type'] ?? '')) return null;
  let content: unknown;
  try {
    content = JSON.parse(body.toString());
  } catch {
    return null;
  }
  if (typeof content !== 'object' || content === null) return null;
  const { data, data_base64: base64, datacontenttype, ...rest } = content as Record<string, unknown>;
  const attributes = Object.fromEntries(
    Object.entries(rest).flatMap(([name, value]) =>
      typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
        ? [[name, String(value)]]
        : [],
    ),
  );
  if (!isWhole(attributes)) return null;
  return {
    attributes,
    contentType: typeof datacontenttype === 'string' ? datacontenttype : 'application/json',
    traceparent: headers['traceparent'],
    body:
      typeof base64 === 'string' ? Buffer.from(base64, 'base64') : Buffer.from(JSON.stringify(data) ?? ''),
  };
}

function isWhole(attributes: Readonly<Record<string, string>>): boolean {
  return (
    REQUIRED.every((name) => (attributes[name] ?? '') !== '') &&
    Object.keys(attributes).every((name) => NAME.test(name))
  );
}

/** What KafkaSource makes of any other record: its key and headers become attributes. */
function makePlain(message: KafkaMessage, { topic, partition, source }: Origin): SourceEvent {
  const { 'content-type': contentType, ...headers } = textHeaders(message.headers);
  const key = message.key?.toString();
  return {
    attributes: {
      specversion: '1.0',
      id: `partition:${partition}/offset:${message.offset}`,
      source: `/apis/v1/namespaces/${NAMESPACE}/kafkasources/${source}#${topic}`,
      type: 'dev.knative.kafka.event',
      subject: `partition:${partition}#${message.offset}`,
      time: new Date(Number(message.timestamp)).toISOString(),
      ...(key === undefined ? {} : { key, partitionkey: key }),
      ...Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [
          `kafkaheader${name.replaceAll(/[^a-z0-9]/g, '')}`,
          value,
        ]),
      ),
    },
    contentType,
    traceparent: headers['traceparent'],
    body: message.value ?? Buffer.alloc(0),
  };
}

/** Header values as text, by lower case name; the last one where a name is repeated. */
function textHeaders(headers: IHeaders | undefined): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers ?? {}).flatMap(([name, value]) => {
      const last = Array.isArray(value) ? value.at(-1) : value;
      return last === undefined ? [] : [[name.toLowerCase(), last.toString()]];
    }),
  );
}

/** What HTTP cannot carry in a header is percent-encoded, as the CloudEvents binding says. */
function toHeaderValue(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]+/g, (part) => encodeURIComponent(part.toWellFormed()));
}

function mapValues(
  record: Readonly<Record<string, string>>,
  change: (value: string) => string,
): Record<string, string> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]));
}
