import { stringify } from 'yaml';
import { kafkaUsers } from './acls.ts';
import { kafkaSecretOf } from './names.ts';

const SOURCE = /-source$/;

/**
 * The text of `knative/components/logins/kustomization.yaml`: which Secret each KafkaSource and the dead letter
 * sink log in with.
 */
export function kafkaLoginsText(): string {
  const head =
    '# Made by `npm run rights -- --build` from security/src/rights.ts: each event source logs in to Kafka as a user of its\n' +
    '# own, which may read what its function consumes. The dispatcher reads the Secret itself, in the namespace of the source.\n';
  const sources = kafkaUsers()
    .filter(({ component }) => SOURCE.test(component))
    .map(({ component }) => ({
      target: {
        kind: 'KafkaSource',
        labelSelector: `app.kubernetes.io/name=${component.replace(SOURCE, '')}`,
      },
      patch: stringify([{ op: 'add', path: '/spec/net', value: netOf(kafkaSecretOf(component)) }]),
    }));
  // The Secret's keys are fixed by KafkaSink: protocol (SASL_SSL), sasl.mechanism, user, password, ca.crt.
  const sink = {
    target: { kind: 'KafkaSink', name: 'dead-letters' },
    patch: stringify([
      { op: 'add', path: '/spec/auth', value: { secret: { ref: { name: kafkaSecretOf('dead-letters') } } } },
    ]),
  };
  return (
    head +
    stringify({
      apiVersion: 'kustomize.config.k8s.io/v1alpha1',
      kind: 'Component',
      patches: [...sources, sink],
    })
  );
}

function netOf(secret: string) {
  const of = (key: string) => ({ secretKeyRef: { name: secret, key } });
  return {
    tls: { enable: true, caCert: of('ca.crt') },
    sasl: { enable: true, type: of('sasl.mechanism'), user: of('user'), password: of('password') },
  };
}
