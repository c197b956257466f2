import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { type Env, readEnv } from './config.ts';
import { FatalError } from './errors.ts';
import { createKafka, KafkaEnv } from './kafka.ts';
import { createLogger } from './log.ts';

const folder = mkdtempSync(join(tmpdir(), 'kandle-kafka-'));
afterAll(() => rmSync(folder, { recursive: true }));
const passwordFile = join(folder, 's3cret-path');
writeFileSync(passwordFile, 'pa55word\n');

const create = (env: Env) => createKafka(readEnv(KafkaEnv, env), 'test', createLogger('test', 'silent'));

const LOGIN = {
  KAFKA_SASL_MECHANISM: 'scram-sha-512',
  KAFKA_SASL_USERNAME: 'me',
  KAFKA_SASL_PASSWORD_FILE: passwordFile,
};

test.each<[string, Env]>([
  ['nothing is set', {}],
  ['TLS is on', { KAFKA_TLS: 'true' }],
  ['TLS has a CA file', { KAFKA_TLS: 'true', KAFKA_TLS_CA_FILE: passwordFile }],
  ['the login is whole', LOGIN],
  ['the login is plain', { ...LOGIN, KAFKA_SASL_MECHANISM: 'plain' }],
  ['the login is SCRAM with SHA-256', { ...LOGIN, KAFKA_SASL_MECHANISM: 'scram-sha-256' }],
])('createKafka() makes a client, when %s', (_, env) => {
  expect(() => create(env)).not.toThrow();
});

test.each<[string, Env, string]>([
  [
    'the mechanism stands alone',
    { KAFKA_SASL_MECHANISM: 'plain' },
    'KAFKA_SASL_MECHANISM needs KAFKA_SASL_USERNAME',
  ],
  [
    'the user is missing',
    { ...LOGIN, KAFKA_SASL_USERNAME: '' },
    'KAFKA_SASL_MECHANISM needs KAFKA_SASL_USERNAME',
  ],
  ['the password is missing', { ...LOGIN, KAFKA_SASL_PASSWORD_FILE: '' }, 'and KAFKA_SASL_PASSWORD_FILE'],
  ['the mechanism is missing', { ...LOGIN, KAFKA_SASL_MECHANISM: '' }, 'need KAFKA_SASL_MECHANISM'],
  ['the user stands alone', { KAFKA_SASL_USERNAME: 'me' }, 'need KAFKA_SASL_MECHANISM'],
  ['the password file stands alone', { KAFKA_SASL_PASSWORD_FILE: passwordFile }, 'need KAFKA_SASL_MECHANISM'],
  [
    'the password file does not exist',
    { ...LOGIN, KAFKA_SASL_PASSWORD_FILE: `${passwordFile}-not` },
    'KAFKA_SASL_PASSWORD_FILE names a file that does not exist',
  ],
  [
    'the password file is a folder',
    { ...LOGIN, KAFKA_SASL_PASSWORD_FILE: folder },
    'the file of KAFKA_SASL_PASSWORD_FILE cannot be read',
  ],
  [
    'the CA file does not exist',
    { KAFKA_TLS: 'true', KAFKA_TLS_CA_FILE: `${passwordFile}-not` },
    'KAFKA_TLS_CA_FILE names a file that does not exist',
  ],
])('createKafka() refuses and names the variable, not the path, when %s', (_, env, message) => {
  expect(() => create(env)).toThrow(FatalError);
  expect(() => create(env)).toThrow(message);
  expect(() => create(env)).not.toThrow(/s3cret|pa55word/);
});
