import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ClientOptions, errors, policies } from 'cassandra-driver';
import { afterAll, expect, test } from 'vitest';
import {
  CassandraEnv,
  createCassandra,
  isUnknownOutcome,
  NoRetry,
  translateCassandraError,
} from './cassandra.ts';
import { type Env, readEnv } from './config.ts';
import { FatalError, PoisonError, RetryableError } from './errors.ts';

const response = (code: number, message = 'message'): Error => new errors.ResponseError(code, message);
const socketError = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });

test.each<[string, unknown]>([
  ['the driver stopped waiting', new errors.OperationTimedOutError('waited 12 s')],
  ['no host answered', new errors.NoHostAvailableError({})],
  ['the server says write time-out', response(0x1100)],
  ['the server says write failure', response(0x1500)],
  ['the server does not know of its CAS', response(0x1700)],
  ['the server is overloaded', response(0x1001)],
  ['the server failed inside', response(0x0000)],
  ['the socket broke', socketError],
  [
    'the connection broke under the request',
    Object.assign(new errors.DriverInternalError('Socket was closed'), { isSocketError: true }),
  ],
])('isUnknownOutcome() is true, when %s', (_, error) => {
  expect(isUnknownOutcome(error)).toBe(true);
});

test.each<[string, unknown]>([
  ['the statement has a syntax error', response(0x2000)],
  ['the statement is invalid', response(0x2200)],
  ['the credentials are bad (256)', response(0x0100)],
  ['too few replicas were alive', response(0x1000)],
  ['the connection was busy and nothing was sent', new errors.BusyConnectionError('127.0.0.1', 1, 1)],
  ['the driver refused the login', new errors.AuthenticationError('no')],
  ['the driver found a mistake', new errors.DriverInternalError('bug')],
  ['an argument was wrong', new TypeError('x is not a function')],
  ['an error carries a number', Object.assign(new Error('x'), { code: 256 })],
  ['thrown was text', 'ECONNRESET'],
  ['thrown was nothing', undefined],
])('isUnknownOutcome() is false, when %s', (_, error) => {
  expect(isUnknownOutcome(error)).toBe(false);
});

test.each<[string, unknown]>([
  ['a write timed out', response(0x1100, 'Operation timed out')],
  ['the table is not there yet', response(0x2200, 'unconfigured table windows')],
  ['the credentials are bad', response(0x0100, 'Provided username x and/or password are incorrect')],
  ['the socket broke', socketError],
  ['somebody else speaks of a large batch', new Error('Batch too large')],
  ['thrown was text', 'boom'],
])('translateCassandraError() is retryable with its cause, when %s', (_, error) => {
  const translated = translateCassandraError(error, 'write trades');
  expect(translated).toBeInstanceOf(RetryableError);
  expect(translated.message).toMatch(/^Cannot write trades: ./);
  expect(translated.cause).toBe(error);
});

test('translateCassandraError() is poison, when the batch is beyond what the server takes', () => {
  const error = response(0x2200, 'Batch too large');
  const translated = translateCassandraError(error, 'write windows');
  expect(translated).toBeInstanceOf(PoisonError);
  expect(translated.message).toBe('Cannot write windows: Batch too large');
  expect(translated.cause).toBe(error);
});

test('NoRetry gives every error back, when the driver asks whether to send again', () => {
  const policy = new NoRetry();
  for (const decision of [
    policy.onReadTimeout(),
    policy.onRequestError(),
    policy.onUnavailable(),
    policy.onWriteTimeout(),
  ]) {
    expect(decision).toEqual(new policies.retry.RetryPolicy().rethrowResult());
  }
});

const folder = mkdtempSync(join(tmpdir(), 'kandle-cassandra-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, 's3cret-path');
writeFileSync(file, 'pa55word\n');

const create = (env: Env, options = {}) => createCassandra(readEnv(CassandraEnv, env), options);

test('createCassandra() connects to the laptop stack with local consistency, when nothing is set', () => {
  const { options } = create({}) as unknown as { options: Record<string, unknown> };
  expect(options).toMatchObject({
    contactPoints: ['127.0.0.1:9042'],
    localDataCenter: 'datacenter1',
    keyspace: 'kandle',
  });
  expect(create({}, { useKeyspace: false }).keyspace).toBeFalsy();
});

test('createCassandra() tries to connect again every two seconds at the latest, however long the server was away', () => {
  const { options } = create({}) as unknown as { options: ClientOptions };
  const schedule = options.policies?.reconnection?.newSchedule();
  const waits = Array.from({ length: 40 }, () => Number(schedule?.next().value));
  expect(waits[0]).toBeLessThanOrEqual(250);
  // The driver adds up to 15 % by chance.
  expect(Math.max(...waits)).toBeLessThanOrEqual(2_300);
});

test.each<[string, Env, string]>([
  ['the user stands alone', { CASSANDRA_USERNAME: 'me' }, 'CASSANDRA_USERNAME needs CASSANDRA_PASSWORD_FILE'],
  [
    'the password stands alone',
    { CASSANDRA_PASSWORD_FILE: file },
    'CASSANDRA_PASSWORD_FILE needs CASSANDRA_USERNAME',
  ],
  [
    'the password file is missing',
    { CASSANDRA_USERNAME: 'me', CASSANDRA_PASSWORD_FILE: `${file}-not` },
    'CASSANDRA_PASSWORD_FILE names a file that does not exist',
  ],
  [
    'the CA file is missing',
    { CASSANDRA_TLS: 'true', CASSANDRA_TLS_CA_FILE: `${file}-not` },
    'CASSANDRA_TLS_CA_FILE names a file that does not exist',
  ],
])('createCassandra() refuses and names the variable, not the path, when %s', (_, env, message) => {
  expect(() => create(env)).toThrow(FatalError);
  expect(() => create(env)).toThrow(message);
  expect(() => create(env)).not.toThrow(/s3cret|pa55word/);
});

test('createCassandra() takes TLS and a login, when they are whole', () => {
  const env = { CASSANDRA_TLS: 'true', CASSANDRA_USERNAME: 'me', CASSANDRA_PASSWORD_FILE: file };
  expect(() => create(env)).not.toThrow();
  expect(() => create({ ...env, CASSANDRA_TLS_CA_FILE: file })).not.toThrow();
});

test.each(['Kandle', '1kandle', 'kandle;', 'k'.repeat(49)])(
  'CassandraEnv refuses, when the keyspace is %j',
  (keyspace) => {
    expect(() => create({ CASSANDRA_KEYSPACE: keyspace })).toThrow(
      'CASSANDRA_KEYSPACE: expected a lower case keyspace name',
    );
  },
);
