import { type AvroRecord, subjectOf } from '@kandle/market/avro/schemas';
import { z } from 'zod';
import { describeError, FatalError, RetryableError } from '../errors.ts';
import { createSecretFile } from '../secret.ts';
import { exchange } from './exchange.ts';
import type { AvroSettings } from './avro-env.ts';

/** What a new schema may do to readers and writers of the ones before. */
export type Compatibility = 'FULL_TRANSITIVE';

/** A schema registry with Confluent's interface. */
export interface SchemaRegistry {
  /** Where it is. */
  readonly url: string;
  /**
   * The id of a schema that is registered.
   *
   * @throws {RetryableError} If it is not, or the registry is away: both can be mended.
   */
  readId(schema: AvroRecord): Promise<number>;
  /**
   * The text of a schema; null if the registry says that it knows none of this id.
   *
   * @throws {RetryableError} If the registry is away, or what answers is none.
   */
  readSchema(id: number): Promise<string | null>;
  /** Why a schema could not be registered, in the registry's words; null if it could. */
  judge(schema: AvroRecord): Promise<string | null>;
  /** Asks that every later schema of the subject is judged by this. */
  demand(subject: string, compatibility: Compatibility): Promise<void>;
  /** @returns Its id, or why the registry refuses it: the schema is not compatible with those before. */
  register(schema: AvroRecord): Promise<number | { readonly refusal: string }>;
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

const IdSchema = z.object({ id: z.number().int().min(0) });
const TextSchema = z.object({ schema: z.string(), schemaType: z.literal('AVRO').default('AVRO') });
const VerdictSchema = z.object({
  is_compatible: z.boolean(),
  reason: z.string().nullish(),
  messages: z.array(z.string()).nullish(),
});
const FaultSchema = z.object({ error_code: z.number(), message: z.string().default('') });

/** What a registry says of a subject and of a schema that it does not know. */
const NO_SUBJECT = 40_401;
const NO_SCHEMA = 40_403;

/**
 * A client of a registry.
 *
 * @throws {FatalError} If a file of the login cannot be read, or the other one is missing.
 */
export function createSchemaRegistry(
  url: string,
  {
    SCHEMA_REGISTRY_USERNAME_FILE: userFile,
    SCHEMA_REGISTRY_PASSWORD_FILE: passwordFile,
    SCHEMA_REGISTRY_TIMEOUT_MS: timeoutMs,
  }: Omit<AvroSettings, 'AVRO_TOPICS' | 'AVRO_FRAMING'>,
): SchemaRegistry {
  const login = createLogin(userFile, passwordFile);

  async function ask(method: 'GET' | 'POST' | 'PUT', path: string, content?: unknown): Promise<Answer> {
    try {
      const { status, text } = await exchange(new URL(`${url}${path}`), {
        method,
        headers: {
          accept: 'application/vnd.schemaregistry.v1+json, application/json',
          ...(content === undefined ? {} : { 'content-type': 'application/vnd.schemaregistry.v1+json' }),
          ...login(),
        },
        body: content === undefined ? undefined : JSON.stringify(content),
        timeoutMs,
      });
      return { status, body: jsonOf(text) };
    } catch (error) {
      throw new RetryableError(`Cannot ask the schema registry: ${reasonOf(error)}`, { cause: error });
    }
  }

  /** Its reason, in a text; the whole answer is never told, for anything may stand in front of a registry. */
  function unexpected({ status, body }: Answer): RetryableError {
    const fault = FaultSchema.safeParse(body).data;
    return new RetryableError(`The schema registry answers ${status} ${fault?.message ?? ''}`.trim());
  }

  function read<T>(schema: z.ZodType<T>, answer: Answer): T {
    const parsed = answer.status === 200 ? schema.safeParse(answer.body) : undefined;
    if (parsed?.success !== true) throw unexpected(answer);
    return parsed.data;
  }

  const faultOf = ({ body }: Answer): number | undefined => FaultSchema.safeParse(body).data?.error_code;
  const textOf = (schema: AvroRecord) => ({ schema: JSON.stringify(schema) });
  const subjectPath = (schema: AvroRecord): string => encodeURIComponent(subjectOf(schema));

  return {
    url,
    async readId(schema) {
      const answer = await ask('POST', `/subjects/${subjectPath(schema)}?normalize=true`, textOf(schema));
      const fault = faultOf(answer);
      if (fault === NO_SUBJECT || fault === NO_SCHEMA) {
        throw new RetryableError(
          `The schema registry does not hold this version of ${subjectOf(schema)}: register it (npm run schemas)`,
        );
      }
      return read(IdSchema, answer).id;
    },
    async readSchema(id) {
      const answer = await ask('GET', `/schemas/ids/${id}`);
      // Its own code, for a wrong address answers 404 too: that must not make dead letters of good events.
      return faultOf(answer) === NO_SCHEMA ? null : read(TextSchema, answer).schema;
    },
    async judge(schema) {
      const path = `/compatibility/subjects/${subjectPath(schema)}/versions?verbose=true`;
      const answer = await ask('POST', path, textOf(schema));
      if (faultOf(answer) === NO_SUBJECT) return null;
      const verdict = read(VerdictSchema, answer);
      if (verdict.is_compatible) return null;
      return verdict.messages?.join('; ') ?? verdict.reason ?? 'it is not compatible with those before';
    },
    async demand(subject, compatibility) {
      const answer = await ask('PUT', `/config/${encodeURIComponent(subject)}`, { compatibility });
      if (answer.status !== 200) throw unexpected(answer);
    },
    async register(schema) {
      const path = `/subjects/${subjectPath(schema)}/versions?normalize=true`;
      const answer = await ask('POST', path, textOf(schema));
      if (answer.status === 409)
        return { refusal: FaultSchema.safeParse(answer.body).data?.message ?? 'it is not compatible' };
      return read(IdSchema, answer).id;
    },
  };
}

function createLogin(
  userFile: string | undefined,
  passwordFile: string | undefined,
): () => Readonly<Record<string, string>> {
  if (userFile === undefined && passwordFile === undefined) return () => ({});
  if (userFile === undefined || passwordFile === undefined) {
    throw new FatalError(
      'Cannot start: SCHEMA_REGISTRY_USERNAME_FILE and SCHEMA_REGISTRY_PASSWORD_FILE need each other',
    );
  }
  const user = createSecretFile(userFile, 'SCHEMA_REGISTRY_USERNAME_FILE');
  const password = createSecretFile(passwordFile, 'SCHEMA_REGISTRY_PASSWORD_FILE');
  return () => ({ authorization: `Basic ${Buffer.from(`${user()}:${password()}`).toString('base64')}` });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** An aborted request says only that, and its cause why. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return describeError(cause instanceof Error ? cause : error);
}
