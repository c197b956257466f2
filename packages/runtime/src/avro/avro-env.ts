import { z } from 'zod';
import { commaList, positiveMs } from '../config.ts';

/** Variables of Avro: without a registry, events are JSON and nothing else. */
export const AvroEnv = z.object({
  /** Where a schema registry answers as Confluent does; Apicurio: the address that ends in `/ccompat/v7`. */
  SCHEMA_REGISTRY_URL: z
    .string()
    .refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), 'expected an address')
    .transform((text) => text.replace(/\/+$/, ''))
    .optional(),
  /** A login, by files: user and password of basic authentication. */
  SCHEMA_REGISTRY_USERNAME_FILE: z.string().optional(),
  SCHEMA_REGISTRY_PASSWORD_FILE: z.string().optional(),
  SCHEMA_REGISTRY_TIMEOUT_MS: positiveMs.default(5_000),
  /** Topics whose events are written as Avro; those of all others are JSON. */
  AVRO_TOPICS: commaList.optional(),
  /**
   * Where a written event names its schema: in the attribute `dataschema`, or in five bytes before the data, as
   * Confluent's own clients have it. Both are always read.
   */
  AVRO_FRAMING: z.enum(['dataschema', 'prefix']).default('dataschema'),
});

/** How Avro is used, as read from the environment. */
export type AvroSettings = z.infer<typeof AvroEnv>;
