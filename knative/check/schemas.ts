import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv, type ValidateFunction } from 'ajv';
import { z } from 'zod';
import { KNATIVE } from './render.ts';

const FOLDER = join(KNATIVE, 'schemas');
const CORE = 'kubernetes-1.34.json';

const Header = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string() }),
});

/** Checks resources by the JSON schemas of their kinds, unknown fields included. */
export interface SchemaCheck {
  /** @returns What is wrong with it, one line each. */
  check(resource: unknown): readonly string[];
}

/** The schemas of `knative/schemas`, named as kubeconform names them. */
export function createSchemaCheck(): SchemaCheck {
  // The schemas are those of the projects themselves, which use keywords and formats beyond the
  // standard.
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
  ajv.addSchema(read(CORE), CORE);
  const known = new Map<string, ValidateFunction>();

  function validatorOf(file: string): ValidateFunction | null {
    const found = known.get(file);
    if (found !== undefined) return found;
    if (!existsSync(join(FOLDER, file))) return null;
    const made = ajv.compile({ ...read(file), $id: file });
    known.set(file, made);
    return made;
  }

  return {
    check(resource) {
      const header = Header.safeParse(resource);
      if (!header.success) return ['a document without apiVersion, kind and metadata.name'];
      const { apiVersion, kind, metadata } = header.data;
      const validate = validatorOf(schemaFile(apiVersion, kind));
      const id = `${kind} ${metadata.name}`;
      if (validate === null) return [`${id}: there is no schema for ${kind} of ${apiVersion}`];
      if (validate(resource)) return [];
      return (validate.errors ?? []).map(({ instancePath, message, params }) => {
        const extra = z.looseObject({ additionalProperty: z.string() }).safeParse(params).data;
        return `${id}: ${instancePath || '/'} ${message}${extra === undefined ? '' : `: ${extra.additionalProperty}`}`;
      });
    },
  };
}

function schemaFile(apiVersion: string, kind: string): string {
  const [group = '', version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
  return `${[kind, group.split('.')[0], version].filter(Boolean).join('-').toLowerCase()}.json`;
}

function read(file: string): Record<string, unknown> {
  return z.record(z.string(), z.unknown()).parse(JSON.parse(readFileSync(join(FOLDER, file), 'utf8')));
}
