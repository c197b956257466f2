import type { SignalFilter } from '@kandle/market/notification/signal-filter';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { describeError, FatalError } from '@kandle/runtime/errors';
import { createSecretFile } from '@kandle/runtime/secret';
import { isInside, literalAddress } from './inside.ts';
import { parseDocument } from 'yaml';
import { z } from 'zod';

/** How a target wants to be told. */
export type TargetKind = 'slack' | 'discord' | 'json' | 'cloudevents';

/**
 * Somebody to tell of signals. `url` and `headers` may hold secrets: only the name is ever logged. Where they
 * come from files, each look is at what those hold then.
 */
export interface Target {
  readonly name: string;
  readonly kind: TargetKind;
  readonly url: string;
  /** Whether it may be on this machine or in a private network. */
  readonly mayBeInside: boolean;
  readonly headers: Readonly<Record<string, string>>;
  readonly filter: SignalFilter;
  readonly ratePerMinute: number;
  readonly burst: number;
  /** CloudEvents extensions that a SinkBinding wants on every event. */
  readonly extensions: Readonly<Record<string, string>>;
}

/** Where targets come from. */
export interface TargetSettings {
  readonly TARGETS_FILE?: string | undefined;
  readonly K_SINK?: string | undefined;
  readonly K_CE_OVERRIDES?: string | undefined;
}

const VISIBLE = /^[\x20-\x7e]+$/;
/** Set by us, or by HTTP itself. */
const OUR_HEADERS =
  /^(content-type|content-length|transfer-encoding|connection|host|expect|idempotency-key|ce-.*)$/;

/**
 * A value as it stands, or a file that holds it: a mounted secret. Relative paths begin at the targets file.
 */
const secret = z.union([z.string().min(1), z.strictObject({ file: z.string().min(1) })]);
type Secret = z.infer<typeof secret>;

const names = z.array(z.string().min(1).max(64)).min(1).optional();
const TargetsFile = z.strictObject({
  /** Hosts that a target may be at; absent, any. */
  allowHosts: z.array(z.string().min(1)).min(1).optional(),
  /** Hosts that may be on this machine or in a private network, as the target's address names them. */
  allowInside: z.array(z.string().min(1)).default([]),
  targets: z
    .array(
      z.strictObject({
        name: z.string().regex(/^[a-z][a-z0-9-]{0,39}$/, 'expected lower case letters, digits and hyphens'),
        kind: z.enum(['slack', 'discord', 'json', 'cloudevents']),
        url: secret.optional(),
        headers: z
          .record(z.string().regex(/^[A-Za-z][A-Za-z0-9-]{0,63}$/, 'expected a header name'), secret)
          .default({}),
        filter: z
          .strictObject({
            rules: names,
            sides: z
              .array(z.enum(['buy', 'sell', 'neutral']))
              .min(1)
              .optional(),
            symbols: names,
            minStrength: z.number().min(0).max(1).optional(),
          })
          .default({}),
        ratePerMinute: z.number().int().min(1).max(6_000).default(60),
        burst: z.number().int().min(1).max(100).default(5),
      }),
    )
    .max(50),
});

const NO_TARGETS: z.infer<typeof TargetsFile> = { allowInside: [], targets: [] };

const Overrides = z.object({
  extensions: z.record(z.string().regex(/^[a-z0-9]{1,20}$/), z.string().regex(VISIBLE)).default({}),
});
/** What an override may not touch: the attributes that say which event it is. */
const ATTRIBUTES: ReadonlySet<string> = new Set(
  'specversion id source type subject time datacontenttype dataschema data'.split(' '),
);

/**
 * The targets of `TARGETS_FILE` and `K_SINK`, with their secrets read.
 *
 * A target of kind `cloudevents` without a `url` is the `K_SINK`; without such a one, `K_SINK` is a target
 * `sink`.
 *
 * @throws {FatalError} Naming the target and field at fault, never a value: a URL may be a secret.
 */
export function readTargets(settings: TargetSettings): readonly Target[] {
  const { TARGETS_FILE: file, K_SINK: sink } = settings;
  const { targets, allowHosts, allowInside } =
    file === undefined || !existsSync(file) ? NO_TARGETS : parseFile(file);
  const folder = dirname(file ?? '.');
  const extensions = readOverrides(settings.K_CE_OVERRIDES);
  const found = targets.map((target): Target => {
    const { name, kind, ratePerMinute, burst, filter } = target;
    const isSink = target.url === undefined && kind === 'cloudevents' && sink !== undefined;
    if (!isSink && target.url === undefined)
      throw fault(`${name}.url`, kind === 'cloudevents' ? 'is missing, and K_SINK is not set' : 'is missing');
    // Knative itself names the sink, and it is inside the cluster.
    const mayBeInside = (url: string): boolean => isSink || allowInside.includes(new URL(url).hostname);
    const url = current(isSink ? sink : (target.url ?? ''), folder, `${name}.url`, (text) => {
      const checked = checkUrl(text, `${name}.url`, allowHosts);
      const literal = literalAddress(new URL(checked).hostname);
      if (!mayBeInside(checked) && literal !== null && isInside(literal)) {
        throw fault(
          `${name}.url`,
          'is on this machine or in a private network, and allowInside does not name its host',
        );
      }
      return checked;
    });
    const headers = {};
    for (const [header, value] of Object.entries(target.headers)) {
      const field = `${name}.headers.${header}`;
      if (OUR_HEADERS.test(header.toLowerCase())) throw fault(field, 'is set by notify itself');
      const get = current(value, folder, field, (text) => {
        if (!VISIBLE.test(text)) throw fault(field, 'has characters that a header cannot carry');
        return text;
      });
      Object.defineProperty(headers, header.toLowerCase(), { enumerable: true, get });
    }
    return {
      name,
      kind,
      get url() {
        return url();
      },
      get mayBeInside() {
        return mayBeInside(url());
      },
      headers,
      filter,
      ratePerMinute,
      burst,
      extensions: isSink ? extensions : {},
    };
  });
  if (sink !== undefined && !targets.some(({ kind, url }) => kind === 'cloudevents' && url === undefined)) {
    const url = checkUrl(sink, 'K_SINK', undefined);
    const defaults = { headers: {}, filter: {}, ratePerMinute: 6_000, burst: 100 };
    found.push({ name: 'sink', kind: 'cloudevents', url, mayBeInside: true, ...defaults, extensions });
  }
  const twice = found.find(({ name }, place) => found.findIndex((other) => other.name === name) !== place);
  if (twice !== undefined) throw fault(twice.name, 'is the name of two targets');
  return found;
}

function fault(field: string, fact: string): FatalError {
  return new FatalError(`Cannot start: target ${field} ${fact}`);
}

function parseFile(file: string): z.infer<typeof TargetsFile> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new FatalError(`Cannot start: TARGETS_FILE cannot be read`, { cause: describeError(error) });
  }
  const document = parseDocument(text);
  const [syntax] = document.errors;
  // The parser's own message would quote the line, and with it a secret.
  if (syntax !== undefined) {
    throw new FatalError(
      `Cannot start: TARGETS_FILE, line ${syntax.linePos?.[0].line ?? '?'}: ${syntax.code}`,
    );
  }
  const parsed = TargetsFile.safeParse(document.toJS());
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'it'}: ${issue.message}`);
  throw new FatalError(`Cannot start: TARGETS_FILE: ${faults.join('; ')}`);
}

/**
 * A value as it is at each call: a file is read again, so that a changed address or key needs no restart. While
 * what it holds is missing or wrong, the last one that was right stays.
 *
 * @throws {FatalError} At once, if it is missing or wrong now.
 */
function current(
  value: Secret,
  folder: string,
  field: string,
  check: (text: string) => string,
): () => string {
  if (typeof value === 'string') {
    const checked = check(value);
    return () => checked;
  }
  const read = createSecretFile(resolve(folder, value.file), `target ${field}`);
  let [text, checked] = [read().trim(), check(read().trim())];
  return () => {
    const next = read().trim();
    if (next === text) return checked;
    try {
      [text, checked] = [next, check(next)];
    } catch {
      // Half a file, or a typing error: said when the process starts the next time.
    }
    return checked;
  };
}

/**
 * The address without its fragment. A user and password in it would end in error messages of the HTTP client.
 */
function checkUrl(text: string, field: string, allowHosts: readonly string[] | undefined): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw fault(field, 'is no address that begins with http:// or https://');
  }
  if (url.username !== '' || url.password !== '') throw fault(field, 'has a user or password: use a header');
  if (allowHosts !== undefined && !allowHosts.includes(url.hostname)) {
    throw fault(field, 'is at a host that allowHosts does not list');
  }
  url.hash = '';
  return url.href;
}

function readOverrides(text: string | undefined): Readonly<Record<string, string>> {
  if (text === undefined) return {};
  try {
    const { extensions } = Overrides.parse(JSON.parse(text));
    if (Object.keys(extensions).some((name) => ATTRIBUTES.has(name))) throw new RangeError('no extension');
    return extensions;
  } catch (error) {
    throw new FatalError('Cannot start: K_CE_OVERRIDES is not {"extensions": {"name": "text"}}', {
      cause: error,
    });
  }
}
