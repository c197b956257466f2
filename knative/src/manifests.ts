import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { REPO_ROOT } from '@kandle/tooling/paths';
import { StartError } from '@kandle/tooling/start-error';
import { parseAllDocuments, parseDocument } from 'yaml';
import { z } from 'zod';
import { kindKey, KustomizationSchema, SCHEMAS } from './resource-schemas.ts';

type Kind = keyof typeof SCHEMAS;

/** A resource of a kind, such as `KafkaSource`. */
export type Resource<K extends Kind> = z.infer<(typeof SCHEMAS)[K]>;

/** A resource, and how it is named in a problem: `knative/base/110-transform.yaml: KafkaSource transform`. */
export interface Placed<K extends Kind> {
  readonly at: string;
  readonly resource: Resource<K>;
}

/** Resources by kind, in the order in which they came. */
export type Manifests = { readonly [K in Kind]: readonly Placed<K>[] };

/** A document of YAML, and the file that it stands in; null if it was rendered. */
export interface ManifestDocument {
  readonly file: string | null;
  readonly content: unknown;
}

/**
 * The resources that could be read, one line for each thing that is wrong, and the kinds that nothing is known
 * of.
 */
export interface ParsedManifests {
  readonly manifests: Manifests;
  readonly problems: readonly string[];
}

/** Reads resources by the schemas of their kinds. */
export function parseManifests(documents: readonly ManifestDocument[]): ParsedManifests {
  const problems: string[] = [];
  const seen = new Set<string>();
  const found = Object.fromEntries(Object.keys(SCHEMAS).map((kind) => [kind, [] as unknown[]]));
  for (const { file, content } of documents) {
    const { kind, name, namespace } = headerOf(content);
    const place = file === null ? '' : `${file}: `;
    const at = `${place}${kind.replace(/^v1 /, '')} ${name}`;
    if (!isKnownKind(kind)) {
      problems.push(`${place}kind ${kind || '(none)'} is not known to the runner`);
      continue;
    }
    const id = `${kind} ${namespace} ${name}`;
    if (seen.has(id)) problems.push(`${at}: metadata.name is used twice`);
    seen.add(id);
    const parsed = SCHEMAS[kind].safeParse(content);
    if (parsed.success) found[kind]?.push({ at, resource: parsed.data });
    else problems.push(...parsed.error.issues.map((issue) => `${at}: ${describe(issue)}`));
  }
  return { manifests: found as unknown as Manifests, problems };
}

/**
 * Reads the manifests that the `kustomization.yaml` of each folder lists.
 *
 * @throws {StartError} One line for each thing that is wrong, naming file, resource and field.
 */
export function readManifests(...folders: readonly string[]): Manifests {
  const problems: string[] = [];
  const documents: ManifestDocument[] = [];
  for (const path of folders.flatMap(listedFiles)) {
    const file = relative(REPO_ROOT, path);
    for (const document of parseAllDocuments(readFileSync(path, 'utf8'))) {
      const [syntax] = document.errors;
      if (syntax !== undefined) {
        problems.push(`${file}: ${firstLine(syntax.message)}`);
        continue;
      }
      const content: unknown = document.toJS();
      if (content !== null) documents.push({ file, content });
    }
  }
  const parsed = parseManifests(documents);
  problems.push(...parsed.problems);
  if (problems.length > 0) throw new StartError(problems.join('\n'));
  return parsed.manifests;
}

function listedFiles(folder: string): readonly string[] {
  const path = join(folder, 'kustomization.yaml');
  const file = relative(REPO_ROOT, path);
  if (!existsSync(path)) throw new StartError(`${file} is missing: it lists the manifests to run`);
  const document = parseDocument(readFileSync(path, 'utf8'));
  const [syntax] = document.errors;
  if (syntax !== undefined) throw new StartError(`${file}: ${firstLine(syntax.message)}`);
  const content: unknown = document.toJS();
  const listed = KustomizationSchema.safeParse(content);
  if (!listed.success)
    throw new StartError(listed.error.issues.map((issue) => `${file}: ${describe(issue)}`).join('\n'));
  const problems = listed.data.resources.flatMap((name, n) => {
    const isFile = existsSync(join(folder, name)) && statSync(join(folder, name)).isFile();
    return isFile ? [] : [`${file}: resources.${n}: ${name} is no file`];
  });
  if (problems.length > 0) throw new StartError(problems.join('\n'));
  return listed.data.resources.map((name) => join(folder, name));
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}

function isKnownKind(kind: string): kind is Kind {
  return Object.hasOwn(SCHEMAS, kind);
}

const HeaderSchema = z.object({
  apiVersion: z.string().catch(''),
  kind: z.string().catch(''),
  metadata: z
    .object({ name: z.string().catch('?'), namespace: z.string().catch('') })
    .catch({ name: '?', namespace: '' }),
});

/** The kind (as `kindKey` names it), name and namespace of a resource, whatever else is wrong with it. */
export function headerOf(content: unknown): { kind: string; name: string; namespace: string } {
  const header = HeaderSchema.safeParse(content).data;
  if (header === undefined) return { kind: '', name: '?', namespace: '' };
  return { kind: kindKey(header.apiVersion, header.kind), ...header.metadata };
}

function describe(issue: z.core.$ZodIssue): string {
  const path = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys
      .map((key) => `${path === '' ? '' : `${path}.`}${key} is not known to the runner`)
      .join(', ');
  }
  const missing = issue.code === 'invalid_type' && /received undefined/.test(issue.message);
  return `${path === '' ? 'it' : path} ${missing ? 'is missing' : `is wrong: ${issue.message}`}`;
}
