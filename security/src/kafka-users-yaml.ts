import { stringify } from 'yaml';
import { kafkaUsers } from './acls.ts';
import { kafkaSecretOf } from './names.ts';

/** The text of `knative/components/kafka/users.yaml`: Strimzi's users, each with the password of its Secret. */
export function kafkaUsersText(): string {
  const head =
    '# Made by `npm run rights -- --build` from security/src/rights.ts: a user for each part, and nothing more than it needs.\n' +
    '# The passwords come from Secrets that are there before (knative/make-secrets.sh).\n';
  return head + kafkaUsers().map(yamlOf).join('---\n');
}

function yamlOf({ component, user, acls }: ReturnType<typeof kafkaUsers>[number]): string {
  return stringify({
    apiVersion: 'kafka.strimzi.io/v1',
    kind: 'KafkaUser',
    metadata: { name: user, namespace: 'kandle', labels: { 'strimzi.io/cluster': 'kandle' } },
    spec: {
      authentication: {
        type: 'scram-sha-512',
        password: { valueFrom: { secretKeyRef: { name: kafkaSecretOf(component), key: 'password' } } },
      },
      authorization: {
        type: 'simple',
        acls: acls.map(({ type, name, pattern, operations }) => ({
          resource: { type, name, patternType: pattern },
          operations,
        })),
      },
    },
  });
}
