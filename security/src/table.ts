import { COMPONENTS, type Component } from './rights.ts';

const HEAD = [
  '| component | reads (Kafka) | writes (Kafka) | groups | SELECT (Cassandra) | MODIFY (Cassandra) |',
  '|---|---|---|---|---|---|',
];

/** The table of components and verbs in docs/security.md. */
export function rightsTable(): string {
  return [...HEAD, ...COMPONENTS.map(rowOf)].join('\n');
}

function rowOf({ name, is, kafka = {}, cassandra = {} }: Component): string {
  const cells = [
    `**${name}**: ${is}`,
    [listOf(kafka.read), ...(kafka.describe ?? []).map((topic) => `${topic} (length only)`)]
      .filter((text) => text !== '')
      .join(', '),
    listOf(kafka.write),
    Object.entries(kafka.groups ?? {})
      .map(([group, verbs]) => `\`${group}\` ${verbs.join(', ')}`)
      .join('; '),
    listOf(cassandra.select),
    listOf(cassandra.modify),
  ];
  return `| ${cells.map((cell) => (cell === '' ? '–' : cell)).join(' | ')} |`;
}

function listOf(names: readonly string[] = []): string {
  return names.join(', ');
}
