import { readFile } from 'node:fs/promises';
import { request as requestPlain } from 'node:http';
import { request as requestTls } from 'node:https';
import { createRemoteJWKSet, customFetch, errors, jwtVerify } from 'jose';
import { describeError } from './errors.ts';
import type { Logger } from './log.ts';
import type { SenderCheck, SenderFault, SenderRules } from './sender-rules.ts';

/** What Kubernetes signs service account tokens with; no symmetric one, and never `none`. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512'];
/** Two machines' clocks may differ by so much. */
const CLOCK_TOLERANCE_SECONDS = 60;
/**
 * How long keys are believed. A new key is fetched when a token names it; this says only how soon a key that
 * was taken back is forgotten, and how long the cluster's API may be away before events must wait.
 */
const KEYS_MAX_AGE_MS = 3_600_000;
const FETCH_DEADLINE_MS = 5_000;
/** A cluster has a few keys of half a kilobyte each. */
const MAX_KEYS_BYTES = 262_144;

const CLAIM_FAULTS: Readonly<Record<string, SenderFault>> = {
  iss: 'issuer',
  aud: 'audience',
  nbf: 'not_yet_valid',
  sub: 'subject',
};

/**
 * Judges tokens by the issuer's keys: signature, issuer, audience, time and subject. The only file that knows
 * jose.
 */
export function createTokenCheck(
  { issuer, audience, subjects, keys }: SenderRules,
  log: Logger,
): SenderCheck {
  let fetches = 0;
  const keySet = createRemoteJWKSet(keys.url, {
    cacheMaxAge: KEYS_MAX_AGE_MS,
    cooldownDuration: keys.pauseMs,
    timeoutDuration: FETCH_DEADLINE_MS,
    [customFetch]: async (_, { signal }) => {
      const answer = await fetchKeys(keys, signal);
      fetches += 1;
      return answer;
    },
  });
  keySet.reload().catch((error: unknown) => {
    log.warn(`Cannot fetch the keys of senders yet: ${describeError(error)}`);
  });

  return async (authorization) => {
    const token = /^Bearer +([\w.~+/=-]+)$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) return authorization === undefined ? 'no_token' : 'malformed';
    const before = fetches;
    try {
      const { payload } = await jwtVerify(token, keySet, {
        issuer,
        audience,
        algorithms: ALGORITHMS,
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        requiredClaims: ['exp', 'sub'],
      });
      if (subjects.has(String(payload.sub))) return null;
      // No secret: the name of a service account, and what an administrator would have to allow.
      log.warn({ subject: String(payload.sub).slice(0, 300) }, 'A sender is not one of OIDC_SUBJECTS');
      return 'subject';
    } catch (error) {
      const fault = faultOf(error);
      // The keys were not fetched for this one: they may be older than it, so a later try decides.
      if (fault === null || (fault === 'unknown_key' && fetches === before)) {
        log.warn(`Cannot judge the sender of an event: ${describeError(error)}`);
        return 'keys_away';
      }
      return fault;
    }
  };
}

/** Why a token is refused; null for anything that says nothing about the token. */
function faultOf(error: unknown): SenderFault | null {
  if (error instanceof errors.JWTExpired) return 'expired';
  if (error instanceof errors.JWTClaimValidationFailed) return CLAIM_FAULTS[error.claim] ?? 'claims';
  if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys)
    return 'unknown_key';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'signature';
  if (error instanceof errors.JOSEAlgNotAllowed || error instanceof errors.JOSENotSupported)
    return 'algorithm';
  if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid) return 'malformed';
  return null;
}

/** Fetches the keys, bounded in size and by the signal; redirects are not followed. */
async function fetchKeys(
  { url, caFile, tokenFile }: SenderRules['keys'],
  signal: AbortSignal,
): Promise<Response> {
  const ca = caFile === undefined ? undefined : await readFile(caFile, 'utf8');
  const token = tokenFile === undefined ? undefined : await readFile(tokenFile, 'utf8');
  const headers = {
    accept: 'application/json',
    ...(token !== undefined && { authorization: `Bearer ${token.trim()}` }),
  };
  return new Promise((resolve, reject) => {
    const request = url.protocol === 'https:' ? requestTls : requestPlain;
    const outgoing = request(url, { headers, signal, ...(ca !== undefined && { ca }) }, (response) => {
      const parts: Buffer[] = [];
      let bytes = 0;
      response.on('data', (part: Buffer) => {
        bytes += part.length;
        if (bytes > MAX_KEYS_BYTES) response.destroy(new Error(`more than ${MAX_KEYS_BYTES} bytes of keys`));
        else parts.push(part);
      });
      response.once('error', reject);
      response.once('end', () =>
        resolve(new Response(Buffer.concat(parts), { status: response.statusCode ?? 502 })),
      );
    });
    outgoing.once('error', reject).end();
  });
}
