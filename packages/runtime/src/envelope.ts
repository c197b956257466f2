import type { IncomingHttpHeaders } from 'node:http';

/** Why a request is refused before the function sees it. */
export interface Refusal {
  readonly status: 400 | 404 | 405 | 413 | 415 | 422;
  readonly reason: string;
}

/** What a function accepts. */
export interface EnvelopeRules {
  /** CloudEvent types that the function knows. */
  readonly types: readonly string[];
  readonly maxBodyBytes: number;
  /** There is a registry, so Avro can be read beside JSON. */
  readonly takesAvro?: boolean;
}

/** The content type of data that are Avro. */
export const AVRO_TYPE = 'application/avro';

/** True for the content type of Avro, with or without parameters. */
export function isAvroType(contentType: unknown): boolean {
  return /^application\/avro\s*(;|$)/i.test(String(contentType));
}

const ATTRIBUTE = /^[a-z0-9]{1,64}$/;
const MAX_ATTRIBUTE_LENGTH = 4_096;

/** Names that are no attributes of CloudEvents 1.0, or that hide a method of the runtime's event object. */
const RESERVED: ReadonlySet<string> = new Set(['data', 'schemaurl', 'validate']);

/**
 * A path with query and fragment, as RFC 3986 spells them; narrower than a URI reference, and as much as is
 * needed.
 */
const PATH =
  /^\/(?!\/)(?:[\w\-.~:/@!$&'()*+,;=]|%[\dA-Fa-f]{2})*(?:\?(?:[\w\-.~:/?@!$&'()*+,;=]|%[\dA-Fa-f]{2})*)?(?:#(?:[\w\-.~:/?@!$&'()*+,;=]|%[\dA-Fa-f]{2})*)?$/;
const SCHEME_AND_HOST = /^[A-Za-z][A-Za-z\d+.-]*:\/\/[A-Za-z\d.-]+(?::\d{1,5})?(?=\/|$)/;

/**
 * Checks the envelope of a CloudEvent in HTTP binary mode, or returns null when nothing is wrong with it.
 *
 * It stands in front of the function runtime, whose own checks would answer 500 to an event without `type` or
 * `source`: a 500 is delivered again and again, and blocks its partition. Source of the rules: CloudEvents
 * 1.0.2 and its HTTP protocol binding; KafkaSource always sends binary mode.
 */
export function checkEnvelope(headers: IncomingHttpHeaders, rules: EnvelopeRules): Refusal | null {
  const contentType = headers['content-type'] ?? '';
  if (contentType.startsWith('application/cloudevents')) {
    return { status: 415, reason: 'Only CloudEvents in HTTP binary mode are accepted' };
  }
  for (const required of ['ce-specversion', 'ce-id', 'ce-source', 'ce-type']) {
    const value = headers[required];
    if (value === undefined || value === '') {
      return { status: 400, reason: `Not a CloudEvent: the header ${required} is missing or empty` };
    }
  }
  if (headers['ce-specversion'] !== '1.0') {
    return { status: 400, reason: 'Not a CloudEvent of version 1.0' };
  }
  for (const [name, value] of Object.entries(headers)) {
    if (!name.startsWith('ce-')) continue;
    if (!ATTRIBUTE.test(name.slice(3)))
      return { status: 400, reason: 'A CloudEvent attribute has a malformed name' };
    if (RESERVED.has(name.slice(3))) {
      return { status: 400, reason: `A CloudEvent attribute cannot have the name ${name.slice(3)}` };
    }
    if (typeof value !== 'string' || value.length > MAX_ATTRIBUTE_LENGTH) {
      return { status: 400, reason: `The CloudEvent attribute ${name.slice(3)} is repeated or too long` };
    }
  }
  if (!isUri(headers['ce-source'], 'or a path')) {
    return { status: 400, reason: 'The CloudEvent attribute source is no URI and no absolute path' };
  }
  if (headers['ce-dataschema'] !== undefined && !isUri(headers['ce-dataschema'])) {
    return { status: 400, reason: 'The CloudEvent attribute dataschema is no URI' };
  }
  if (headers['ce-subject'] === '') {
    return { status: 400, reason: 'The CloudEvent attribute subject is empty' };
  }
  const type = headers['ce-type'];
  if (typeof type !== 'string' || !rules.types.includes(type)) {
    return {
      status: 422,
      reason: `This function does not take events of type ${String(type).slice(0, 100)}`,
    };
  }
  if (isAvroType(contentType) && rules.takesAvro !== true) {
    return { status: 415, reason: 'The data of the event is Avro, and this function has no schema registry' };
  }
  if (!/^application\/(json|avro)\s*(;|$)/i.test(contentType)) {
    return { status: 415, reason: 'The data of the event is not application/json' };
  }
  const length = headers['content-length'];
  if (length !== undefined && Number(length) > rules.maxBodyBytes) return tooLarge(rules.maxBodyBytes);
  return null;
}

/** True for an absolute URI, or for an absolute path where that is allowed too. */
function isUri(value: unknown, allowed?: 'or a path'): boolean {
  if (typeof value !== 'string') return false;
  const [origin] = SCHEME_AND_HOST.exec(value) ?? [];
  if (origin !== undefined) return value === origin || PATH.test(value.slice(origin.length));
  return allowed === 'or a path' && PATH.test(value);
}

/** The refusal of a body that is larger than the function takes. */
export function tooLarge(maxBodyBytes: number): Refusal {
  return { status: 413, reason: `The event is larger than ${maxBodyBytes} bytes` };
}
