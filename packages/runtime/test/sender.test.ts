import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startOtlpReceiver } from '@kandle/testkit/otlp-receiver';
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  EVENT,
  type RunningFunction,
  send,
  type Sent,
  startFunction,
  startReady,
  TIMEOUT,
} from './running-function.ts';

const ISSUER = 'https://kubernetes.default.svc.cluster.local';
const AUDIENCE = 'serving.knative.dev/service/kandle/fixture';
const SUBJECT = 'system:serviceaccount:kandle:fixture-oidc-sources.knative.dev-kafkasource';
const PAUSE_MS = 300;

interface Signer {
  readonly publicKey: JWK;
  /** A token as the cluster makes it for a source, but for what is given. */
  readonly token: (claims?: Readonly<Record<string, unknown>>, kid?: string) => Promise<string>;
}

async function createSigner(kid: string, algorithm = 'RS256'): Promise<Signer> {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
  return {
    publicKey: { ...(await exportJWK(publicKey)), kid, alg: algorithm, use: 'sig' },
    token: (claims = {}, named = kid) => {
      const nowSeconds = Math.floor(Date.now() / 1_000);
      const usual = {
        iss: ISSUER,
        aud: [AUDIENCE],
        sub: SUBJECT,
        iat: nowSeconds,
        nbf: nowSeconds,
        exp: nowSeconds + 3_600,
      };
      return new SignJWT({ ...usual, ...claims })
        .setProtectedHeader({ alg: algorithm, kid: named })
        .sign(privateKey);
    },
  };
}

type Manner = 'answers' | 'fails' | 'hangs' | 'floods' | 'talks rubbish';

/** The issuer's keys over HTTP, as the cluster's API serves them. */
interface KeyServer {
  readonly url: string;
  keys: readonly JWK[];
  manner: Manner;
  readonly seen: IncomingMessage['headers'][];
  readonly close: () => Promise<void>;
}

async function startKeyServer(keys: readonly JWK[], port = 0): Promise<KeyServer> {
  const answers: Readonly<Record<Manner, (response: ServerResponse) => unknown>> = {
    answers: (response) => response.end(JSON.stringify({ keys: keyServer.keys })),
    fails: (response) => response.writeHead(500).end('no'),
    hangs: () => undefined,
    floods: (response) => response.end(`{"keys":[],"padding":"${'x'.repeat(2_000_000)}"}`),
    'talks rubbish': (response) => response.end('<html>'),
  };
  const server: Server = createServer((request, response) => {
    keyServer.seen.push(request.headers);
    answers[keyServer.manner](response);
  }).listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const at = typeof address === 'object' && address !== null ? address.port : 0;
  const keyServer: KeyServer = {
    url: `http://127.0.0.1:${at}/openid/v1/jwks`,
    keys,
    manner: 'answers',
    seen: [],
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
  return keyServer;
}

const settings = (url: string): Readonly<Record<string, string>> => ({
  OIDC_ISSUER: ISSUER,
  OIDC_AUDIENCE_PREFIX: 'serving.knative.dev/service/kandle',
  OIDC_SUBJECTS: SUBJECT,
  OIDC_KEYS_URL: url,
  OIDC_KEYS_PAUSE_MS: String(PAUSE_MS),
});

const bearing = (token: string): Sent => ({ headers: { ...EVENT, authorization: `Bearer ${token}` } });
const passed = { status: 204, text: '' };
const refused = (reason: string) => ({ status: 401, text: `The sender's token is refused: ${reason}` });
const again = { status: 503, text: 'Cannot judge the sender now: send the event again' };
const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1_000) + seconds;

describe('senders are checked', TIMEOUT, () => {
  let signer: Signer;
  let keyServer: KeyServer;
  let served: RunningFunction;

  beforeAll(async () => {
    signer = await createSigner('first');
    keyServer = await startKeyServer([signer.publicKey]);
    served = await startFunction({ LOOPBACK_ONLY: 'true', ...settings(keyServer.url) });
    await served.logged('"ready"');
  }, TIMEOUT.timeout);
  afterAll(async () => {
    await served.ended('kill');
    await keyServer.close();
  });

  test('an event passes, when its token is the cluster’s for this function and this source', async () => {
    expect(await send(served.port, bearing(await signer.token()))).toEqual(passed);
  });

  test('an event passes, when the token has another of the algorithms of Kubernetes', async () => {
    const elliptic = await createSigner('elliptic', 'ES256');
    keyServer.keys = [signer.publicKey, elliptic.publicKey];
    const token = await elliptic.token();
    await expect.poll(async () => (await send(served.port, bearing(token))).status).toBe(204);
  });

  test.each<[string, Readonly<Record<string, unknown>>, string]>([
    ['is for another function', { aud: ['serving.knative.dev/service/kandle/persist'] }, 'audience'],
    ['is for the API of the cluster', { aud: ['https://kubernetes.default.svc'] }, 'audience'],
    ['is of another issuer', { iss: 'https://other.example.com' }, 'issuer'],
    ['is of another account', { sub: 'system:serviceaccount:default:default' }, 'subject'],
    ['has expired', { exp: inSeconds(-120) }, 'expired'],
    ['is not yet valid', { nbf: inSeconds(600) }, 'not_yet_valid'],
    ['never expires', { exp: undefined }, 'claims'],
    ['names nobody', { sub: undefined }, 'subject'],
  ])('the answer is 401 with the reason, when the token %s', async (_, claims, reason) => {
    expect(await send(served.port, bearing(await signer.token(claims)))).toEqual(refused(reason));
  });

  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

  test.each<[string, (token: string) => string, string]>([
    ['is signed by nobody', (token) => `${part({ alg: 'none' })}.${token.split('.')[1]}.`, 'algorithm'],
    [
      'says that it is signed by nobody',
      (token) => `${part({ alg: 'none', kid: 'first' })}.${token.split('.').slice(1).join('.')}`,
      'algorithm',
    ],
    [
      'is signed with the public key as a password',
      (token) => `${part({ alg: 'HS256', kid: 'first' })}.${token.split('.').slice(1).join('.')}`,
      'algorithm',
    ],
    [
      'was changed',
      (token) => {
        const [header, payload = '', signature] = token.split('.');
        const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString());
        return `${header}.${part({ ...Object(claims), exp: inSeconds(7_200) })}.${signature}`;
      },
      'signature',
    ],
    ['is no token', () => 'x', 'malformed'],
  ])('the answer is 401 with the reason, when the token %s', async (_, change, reason) => {
    expect(await send(served.port, bearing(change(await signer.token())))).toEqual(refused(reason));
  });

  test('the answer is 401, when there is no token, or something else in its place', async () => {
    expect(await send(served.port)).toEqual(refused('no_token'));
    const basic = { headers: { ...EVENT, authorization: 'Basic a2FuZGxlOmthbmRsZQ==' } };
    expect(await send(served.port, basic)).toEqual(refused('malformed'));
  });

  test('probes are answered without a token', async () => {
    for (const path of ['/health/liveness', '/health/readiness'])
      expect(await send(served.port, { method: 'GET', path })).toMatchObject({ status: 200 });
  });

  test('a forged key stays refused, and a new key of the cluster passes without a restart', async () => {
    const next = await createSigner('next');
    const token = await next.token();
    // Once the pause is over the keys are fetched for it, and it is not among them.
    await expect.poll(() => send(served.port, bearing(token))).toEqual(refused('unknown_key'));
    keyServer.keys = [signer.publicKey, next.publicKey];
    // Within the pause nobody knows whether it is new: no 401, which would be final.
    const answers: number[] = [];
    await expect
      .poll(async () => {
        answers.push((await send(served.port, bearing(token))).status);
        return answers.at(-1);
      })
      .toBe(204);
    expect(new Set(answers)).toEqual(new Set([503, 204]));
    expect(await send(served.port, bearing(await signer.token()))).toEqual(passed);
  });

  test('keys are fetched no more often than the pause allows, when somebody sends unknown ones', async () => {
    const forged = await signer.token({}, 'nobody');
    const began = performance.now();
    const before = keyServer.seen.length;
    for (let sent = 0; sent < 60; sent += 1) await send(served.port, bearing(forged));
    const fetches = keyServer.seen.length - before;
    expect(fetches).toBeLessThanOrEqual(1 + Math.ceil((performance.now() - began) / PAUSE_MS));
  });

  test('no token and no part of one is in the log', async () => {
    const token = await signer.token({ exp: inSeconds(-120) });
    await send(served.port, bearing(token));
    for (const piece of token.split('.').slice(1)) expect(served.log()).not.toContain(piece);
  });
});

describe.concurrent('the keys of senders are away', TIMEOUT, () => {
  let signer: Signer;
  beforeAll(async () => {
    signer = await createSigner('only');
  });

  test.for<Manner>(['fails', 'floods', 'talks rubbish'])(
    'the answer is 503 and nothing is lost, when their server %s and then answers',
    async (manner, context) => {
      const keyServer = await startKeyServer([signer.publicKey]);
      context.onTestFinished(keyServer.close);
      keyServer.manner = manner;
      const running = await startReady(context, settings(keyServer.url));
      const event = bearing(await signer.token());
      expect(await send(running.port, event)).toEqual(again);
      expect(running.log()).toContain('Cannot judge the sender of an event');
      keyServer.manner = 'answers';
      expect(await send(running.port, event)).toEqual(passed);
    },
  );

  test('the answer is 503 within the deadline, when their server hangs', async (context) => {
    const keyServer = await startKeyServer([signer.publicKey]);
    context.onTestFinished(keyServer.close);
    keyServer.manner = 'hangs';
    const running = await startReady(context, settings(keyServer.url));
    expect(await send(running.port, bearing(await signer.token()))).toEqual(again);
    expect(keyServer.seen).toHaveLength(1);
  });

  test('the answer is 503 while nobody listens, and known keys are good when they go away later', async (context) => {
    const first = await startKeyServer([signer.publicKey]);
    const port = Number(new URL(first.url).port);
    await first.close();
    const running = await startReady(context, settings(first.url));
    const event = bearing(await signer.token());
    expect(await send(running.port, event)).toEqual(again);
    const second = await startKeyServer([signer.publicKey], port);
    expect(await send(running.port, event)).toEqual(passed);
    await second.close();
    expect(await send(running.port, event)).toEqual(passed);
  });

  test('the keys are asked for with the token of the file as it is now, and the reasons are counted', async (context) => {
    const folder = mkdtempSync(join(tmpdir(), 'kandle-sender-'));
    context.onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, 'token');
    writeFileSync(file, 'own-1\n');
    const keyServer = await startKeyServer([signer.publicKey]);
    context.onTestFinished(keyServer.close);
    const collector = await startOtlpReceiver();
    context.onTestFinished(collector.close);
    const running = await startReady(context, {
      ...settings(keyServer.url),
      OIDC_KEYS_TOKEN_FILE: file,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    });
    expect(await send(running.port, bearing(await signer.token({ aud: 'other' })))).toEqual(
      refused('audience'),
    );
    writeFileSync(file, 'own-2\n');
    const unknown = bearing(await signer.token({}, 'unknown'));
    await context.expect.poll(() => send(running.port, unknown)).toEqual(refused('unknown_key'));
    expect(keyServer.seen.map(({ authorization }) => authorization)).toEqual([
      'Bearer own-1',
      'Bearer own-2',
    ]);
    running.child.kill('SIGTERM');
    expect(await running.ended()).toBe(0);
    const reasons = collector
      .points()
      .filter(({ name }) => name === 'function_refused_senders_total')
      .map(({ attributes }) => attributes['reason']);
    expect(reasons).toEqual(expect.arrayContaining(['audience', 'unknown_key']));
    expect(running.log()).not.toContain('own-');
  });

  test('the process ends and says what is missing, when the check is set up by halves', async () => {
    const running = await startFunction({ OIDC_ISSUER: ISSUER, OIDC_SUBJECTS: SUBJECT });
    expect(await running.ended()).toBe(1);
    expect(running.log()).toMatch(
      /^fixture: Cannot start: senders are to be checked, and OIDC_AUDIENCE_PREFIX, OIDC_KEYS_URL is not set$/m,
    );
  });
});
