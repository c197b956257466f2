import { PROMOTED_VIEWS } from '@kandle/market/view/promotions';
import { roleOf } from './names.ts';
import { COMPONENTS, type Component, type Table } from './rights.ts';

/** A right of a role in Cassandra. */
export interface Grant {
  readonly role: string;
  readonly right: 'SELECT' | 'MODIFY';
  readonly table: Table;
}

/** The grants of every role, in the order of the components. */
function grants(components: readonly Component[] = COMPONENTS): readonly Grant[] {
  return components.flatMap(({ name, cassandra: { select = [], modify = [] } = {} }) => [
    ...select.map((table): Grant => ({ role: roleOf(name), right: 'SELECT', table })),
    ...modify.map((table): Grant => ({ role: roleOf(name), right: 'MODIFY', table })),
  ]);
}

/** The text of `cql/grants.cql`, which the schema job applies after the steps. */
export function grantsText(): string {
  const head =
    '-- Made by `npm run rights -- --build` from security/src/rights.ts. What each role may do, and nothing else: the\n' +
    '-- schema job takes away what is not in here (GRANT_RIGHTS=true). It is no step: it is applied at every run.\n';
  const lines = grants().map(
    ({ role, right, table }) => `GRANT ${right} ON TABLE \${keyspace}.${table} TO ${role};\n`,
  );
  return head + lines.join('');
}

/**
 * What lets the readers of promotions into a shadow's keyspace: for each view that they may read where the
 * pipeline writes, and that may be read there instead.
 */
export function shadowGrants(keyspace: string): readonly string[] {
  const followers = COMPONENTS.filter(({ cassandra }) => cassandra?.select?.includes('promotions'));
  return grants(followers)
    .filter(({ right, table }) => right === 'SELECT' && PROMOTED_VIEWS.some((view) => view === table))
    .map(({ role, right, table }) => `GRANT ${right} ON TABLE ${keyspace}.${table} TO ${role}`);
}
