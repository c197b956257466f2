import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import { REPO_ROOT } from '@kandle/tooling/paths';
import { grantsText } from './grants.ts';
import { kafkaLoginsText } from './kafka-logins-yaml.ts';
import { kafkaUsersText } from './kafka-users-yaml.ts';
import { rightsTable } from './table.ts';

const BEGIN = '<!-- Made by `npm run rights -- --build` from security/src/rights.ts. -->';
const END = '<!-- End of what is made. -->';

/** What is made from the rights: the text of each file, by its path from the repository's root. */
export function madeFiles(): ReadonlyMap<string, string> {
  return new Map([
    ['cql/grants.cql', grantsText()],
    ['knative/components/kafka/users.yaml', kafkaUsersText()],
    ['knative/components/logins/kustomization.yaml', kafkaLoginsText()],
    ['docs/security.md', withTable(readFileSync(join(REPO_ROOT, 'docs/security.md'), 'utf8'))],
  ]);
}

/** A page with the table of now between its two marks. */
function withTable(page: string): string {
  const [before, rest] = page.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error('docs/security.md has lost its marks');
  return `${before}${BEGIN}\n${rightsTable()}\n${END}${after}`;
}
