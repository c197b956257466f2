import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { AVRO_SCHEMAS, type AvroRecord, subjectOf } from '@kandle/market/avro/schemas';
import { AvroEnv } from '@kandle/runtime/avro/avro-env';
import { createSchemaRegistry, type SchemaRegistry } from '@kandle/runtime/avro/schema-registry';
import { readEnv } from '@kandle/runtime/config';
import { describeError } from '@kandle/runtime/errors';
import {
  defineCommand,
  flag,
  helpText,
  option,
  readCommand,
  text,
  UsageError,
} from '@kandle/tooling/command';

const COMMAND = defineCommand({
  name: 'npm run schemas',
  about: `The Avro schemas of the events. Without an option it prints the subject of each type of event.`,
  options: {
    out: option('DIR', 'write each schema as a file, <subject>.avsc', text),
    check: flag('ask the registry whether it would take them all: for CI, before a deploy. Changes nothing'),
    register: flag(
      'register them, each to be compatible with all before it, in both directions (FULL_TRANSITIVE); none, if one of them is refused',
    ),
  },
  notes: `The registry is SCHEMA_REGISTRY_URL, its login SCHEMA_REGISTRY_USERNAME_FILE and SCHEMA_REGISTRY_PASSWORD_FILE. Exit code 1: it
refuses a schema, and says why, or is away.`,
});

async function main(args: readonly string[]): Promise<void> {
  const wishes = readCommand(COMMAND, args);
  if (wishes === null) return print(helpText(COMMAND));
  const schemas = new Map([...AVRO_SCHEMAS.values()].map((schema) => [subjectOf(schema), schema]));
  if (wishes.out !== null) write(resolve(wishes.out), schemas);
  if (wishes.check || wishes.register) await ask(schemas, wishes.register);
  else if (wishes.out === null)
    for (const [type, schema] of AVRO_SCHEMAS) print(`${type} ${subjectOf(schema)}`);
}

function write(folder: string, schemas: ReadonlyMap<string, AvroRecord>): void {
  mkdirSync(folder, { recursive: true });
  for (const [subject, schema] of schemas) {
    const file = join(folder, `${subject}.avsc`);
    writeFileSync(file, `${JSON.stringify(schema, null, 2)}\n`);
    print(`wrote ${file}`);
  }
}

async function ask(schemas: ReadonlyMap<string, AvroRecord>, registers: boolean): Promise<void> {
  const settings = readEnv(AvroEnv, process.env);
  const { SCHEMA_REGISTRY_URL: url } = settings;
  if (url === undefined) throw new UsageError('Set SCHEMA_REGISTRY_URL: where the registry is');
  const registry = createSchemaRegistry(url, settings);
  let refused = 0;
  for (const [subject, schema] of schemas) {
    const refusal = await registry.judge(schema);
    if (refusal !== null) refused += 1;
    print(refusal === null ? `${subject}: compatible` : `${subject}: refused: ${refusal}`);
  }
  if (refused > 0) process.exitCode = 1;
  else if (registers) await register(registry, schemas);
}

async function register(registry: SchemaRegistry, schemas: ReadonlyMap<string, AvroRecord>): Promise<void> {
  for (const [subject, schema] of schemas) {
    const answer = await registry.register(schema);
    // It may have changed since it was asked.
    if (typeof answer !== 'number') throw new Error(`${subject} is refused: ${answer.refusal}`);
    await registry.demand(subject, 'FULL_TRANSITIVE');
    print(`${subject}: id ${answer}`);
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`npm run schemas: ${describeError(error)}\n`);
  process.exitCode = 1;
});
