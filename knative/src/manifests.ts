import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseAllDocuments, parseDocument } from 'yaml';
import { z } from 'zod';
import { REPO_ROOT } from '@kandle/tooling/paths';
import { StartError } from '@kandle/tooling/start-error';
import { CLUSTER_ONLY_KINDS, kindKey, KustomizationSchema, SCHEMAS } from './resource-schemas.ts';

type Kind = keyof typeof SCHEMAS;

/** A resource and the file that it stands in. */
export interface Placed<Resource> {
  readonly file: string;
  readonly resource: Resource;
}

/** The resources of a folder of manifests, by kind, in the order of the files. */
export type Manifests = { readonly [K in Kind]: readonly Placed<z.infer<(typeof SCHEMAS)[K]>>[] };

/**
 * Reads the manifests that a folder's `kustomization.yaml` lists.
 *
 * @throws {StartError} One line for each thing that is wrong, naming file, resource and field.
 */
export function readManifests(folder: string): Manifests {
  const problems: string[] = [];
  const seen = new Set<string>();
  const found: Record<Kind, Placed<unknown>[]> = {
    Service: [],
    KafkaSource: [],
    KafkaSink: [],
    KafkaTopic: [],
    ConfigMap: [],
    StatefulSet: [],
    Deployment: [],
  };
  for (const path of listedFiles(folder)) {
    const file = relative(REPO_ROOT, path);
    for (const document of parseAllDocuments(readFileSync(path, 'utf8'))) {
      const [syntax] = document.errors;
      if (syntax !== undefined) {
        problems.push(`${file}: ${firstLine(syntax.message)}`);
        continue;
      }
      const content: unknown = document.toJS();
      if (content === null) continue;
      const kind = kindOf(content);
      if (CLUSTER_ONLY_KINDS.has(kind)) continue;
      if (!isKnownKind(kind)) {
        problems.push(`${file}: kind ${kind || '(none)'} is not known to the runner`);
        continue;
      }
      const id = `${kind} ${nameOf(content)}`;
      if (seen.has(id)) problems.push(`${file}: ${id}: metadata.name is used twice`);
      seen.add(id);
      const parsed = SCHEMAS[kind].safeParse(content);
      if (parsed.success) found[kind].push({ file, resource: parsed.data });
      else problems.push(...parsed.error.issues.map((issue) => `${file}: ${id}: ${describe(issue)}`));
    }
  }
  if (problems.length > 0) throw new StartError(problems.join('\n'));
  return found as Manifests;
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

const Header = z.object({
  apiVersion: z.string().catch(''),
  kind: z.string().catch(''),
  metadata: z.object({ name: z.string().catch('?') }).catch({ name: '?' }),
});

function kindOf(content: unknown): string {
  const header = Header.safeParse(content).data;
  return header === undefined ? '' : kindKey(header.apiVersion, header.kind);
}

function nameOf(content: unknown): string {
  return Header.safeParse(content).data?.metadata.name ?? '?';
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
