import { feedSource } from '@kandle/market/event/batch-header';
import { EVENT_TYPES } from '@kandle/market/event/topics';
import { type Announcement, idempotencyKey } from './announcement.ts';
import type { Target } from './targets.ts';

/** An HTTP request's headers, lower case, and body. */
export interface Message {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The request that tells a target of a signal, or of its retraction, in the target's own way. */
export function formatMessage(target: Target, announcement: Announcement): Message {
  const format = FORMATS[target.kind];
  const { headers, body } = format(announcement, target);
  return {
    headers: {
      'content-type': 'application/json',
      'user-agent': 'kandle-notify',
      ...headers,
      ...target.headers,
      'idempotency-key': encodeHeader(idempotencyKey(announcement, target)),
    },
    body: JSON.stringify(body),
  };
}

interface Content {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
}

const FORMATS: Readonly<Record<Target['kind'], (announcement: Announcement, target: Target) => Content>> = {
  slack: (announcement) => ({
    body: { text: lines(announcement, escapeSlack, '*'), unfurl_links: false },
  }),
  discord: (announcement) => ({
    body: {
      content: lines(announcement, escapeDiscord, '**'),
      allowed_mentions: { parse: [] },
      flags: SUPPRESS_EMBEDS,
    },
  }),
  json: (announcement) => ({
    body: {
      announcement: kindOf(announcement),
      title: titleOf(announcement),
      feed: announcement.feed,
      signal: announcement.signal,
      ...(announcement.corrected === undefined ? {} : { corrected: announcement.corrected }),
    },
  }),
  cloudevents: ({ feed, signal }, { extensions }) => ({
    headers: ceHeaders({
      specversion: '1.0',
      id: `${signal.id}:${signal.version}`,
      source: feedSource(`${feed}-00`),
      type: EVENT_TYPES.signal,
      subject: signal.symbol,
      time: new Date(signal.causedAtMs).toISOString(),
      ...extensions,
    }),
    body: { feed, ...signal },
  }),
};

/** Discord shows no preview of a link then. */
const SUPPRESS_EMBEDS = 4;
/** Most numbers of a signal that a chat shows; Discord takes 2,000 characters in all. */
const MAX_SHOWN_NUMBERS = 6;

/** Three lines of a chat: what, why, and the numbers with the time. */
function lines(announcement: Announcement, escape: (text: string) => string, bold: string): string {
  const { signal } = announcement;
  const numbers = Object.entries(signal.numbers)
    .slice(0, MAX_SHOWN_NUMBERS)
    .map(([name, value]) => `${name} ${Number(value.toPrecision(8))}`);
  const at = `${new Date(signal.causedAtMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
  return [
    `${bold}${escape(titleOf(announcement))}${bold}`,
    escape(reasonOf(announcement)),
    escape([...numbers, at].join(' · ')),
  ].join('\n');
}

function kindOf({ signal, corrected }: Announcement): 'signal' | 'correction' | 'retraction' {
  if (signal.state === 'retracted') return 'retraction';
  return corrected === undefined ? 'signal' : 'correction';
}

const TITLES = { signal: '', correction: 'CORRECTED ', retraction: 'RETRACTED ' } as const;

function titleOf(announcement: Announcement): string {
  const { signal } = announcement;
  const kind = kindOf(announcement);
  const what = `${TITLES[kind]}${signal.side.toUpperCase()} ${signal.symbol} · ${signal.rule}`;
  return kind === 'retraction' ? what : `${what} · ${percentOf(signal.strength)}`;
}

function reasonOf({ signal: { state, text }, corrected }: Announcement): string {
  const oneLine = text.replace(/\s+/g, ' ');
  if (state === 'retracted') return `Late trades took this back: ${oneLine}`;
  if (corrected === undefined) return oneLine;
  const before = `${corrected.side.toUpperCase()}, ${percentOf(corrected.strength)}`;
  return `Late trades changed this, it was ${before}: ${oneLine}`;
}

function percentOf(strength: number): string {
  return `${Math.round(strength * 100)} %`;
}

/** Slack's control characters. Source: Slack API documentation, "Escaping text". */
function escapeSlack(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** Discord takes a backslash before any character of its markup; mentions are off in the message itself. */
function escapeDiscord(text: string): string {
  return text.replace(/[\\*_~`|<>#[\]()@]/g, '\\$&');
}

function ceHeaders(attributes: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [`ce-${name}`, encodeHeader(value)]),
  );
}

/** Percent-encodes what a header cannot carry. Source: CloudEvents 1.0.2, HTTP protocol binding, 3.1.3.2. */
function encodeHeader(value: string): string {
  return value.replace(/[^\x21\x23\x24\x26-\x7e]/gu, encodeURIComponent);
}
