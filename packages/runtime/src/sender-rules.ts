import { z } from 'zod';
import { commaList, positiveMs } from './config.ts';
import { FatalError } from './errors.ts';

/**
 * Who may send events to a function: Knative Eventing gives a source an identity, and its requests a token for
 * the function that they go to (`authentication-oidc`). Without an issuer nobody is asked.
 */
export const SenderEnv = z.object({
  /** Who makes the tokens: `iss`, that of the cluster's service accounts. */
  OIDC_ISSUER: z.string().optional(),
  /** What a token is for: this, a slash and the function's name; `serving.knative.dev/service/kandle`. */
  OIDC_AUDIENCE_PREFIX: z.string().optional(),
  /** The identities that may send: `sub`, such as `system:serviceaccount:kandle:transform-oidc-…`. */
  OIDC_SUBJECTS: commaList.optional(),
  /** Where the issuer's public keys are. */
  OIDC_KEYS_URL: z
    .string()
    .refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), 'expected an address')
    .optional(),
  /** The authority of that address's certificate; the machine's own authorities without it. */
  OIDC_KEYS_CA_FILE: z.string().optional(),
  /** A token to ask for the keys with; read again each time, for it is changed every hour. */
  OIDC_KEYS_TOKEN_FILE: z.string().optional(),
  /** How soon after it fetched the keys an unknown one makes it fetch them again. */
  OIDC_KEYS_PAUSE_MS: positiveMs.default(10_000),
});

/** Who may send, as read from the environment. */
export type SenderSettings = z.infer<typeof SenderEnv>;

/** What a sender must show, complete. */
export interface SenderRules {
  readonly issuer: string;
  readonly audience: string;
  readonly subjects: ReadonlySet<string>;
  readonly keys: {
    readonly url: URL;
    readonly caFile: string | undefined;
    readonly tokenFile: string | undefined;
    readonly pauseMs: number;
  };
}

/** Why a sender is refused, in a word for a metric. */
export type SenderFault =
  | 'no_token'
  | 'malformed'
  | 'algorithm'
  | 'unknown_key'
  | 'signature'
  | 'issuer'
  | 'audience'
  | 'subject'
  | 'expired'
  | 'not_yet_valid'
  | 'claims'
  | 'keys_away';

/** Judges the `Authorization` header of a request: null if its sender may send. Never rejects. */
export type SenderCheck = (authorization: string | undefined) => Promise<SenderFault | null>;

/**
 * What a sender must show, or null where nobody is asked.
 *
 * @param name The function's, at the end of the audience.
 * @throws {FatalError} If it is set up by halves.
 */
export function readSenderRules(name: string, settings: SenderSettings): SenderRules | null {
  const {
    OIDC_ISSUER: issuer,
    OIDC_AUDIENCE_PREFIX: prefix,
    OIDC_SUBJECTS: subjects,
    OIDC_KEYS_URL: url,
  } = settings;
  const wanted = Object.entries({
    OIDC_ISSUER: issuer,
    OIDC_AUDIENCE_PREFIX: prefix,
    OIDC_SUBJECTS: subjects,
    OIDC_KEYS_URL: url,
  });
  if (wanted.every(([, value]) => value === undefined)) return null;
  if (issuer === undefined || prefix === undefined || subjects === undefined || url === undefined) {
    const missing = wanted.filter(([, value]) => value === undefined).map(([variable]) => variable);
    throw new FatalError(`Cannot start: senders are to be checked, and ${missing.join(', ')} is not set`);
  }
  return {
    issuer,
    audience: `${prefix}/${name}`,
    subjects: new Set(subjects),
    keys: {
      url: new URL(url),
      caFile: settings.OIDC_KEYS_CA_FILE,
      tokenFile: settings.OIDC_KEYS_TOKEN_FILE,
      pauseMs: settings.OIDC_KEYS_PAUSE_MS,
    },
  };
}
