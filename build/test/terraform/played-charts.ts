import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

/** The charts of terraform/modules: folder of the module, name of the release, chart. */
const RELEASES = [
  { module: 'kafka/operator', release: 'strimzi', chart: 'strimzi-kafka-operator', version: '1.0.1' },
  { module: 'cassandra/operator', release: 'cert_manager', chart: 'cert-manager', version: 'v1.19.1' },
  { module: 'cassandra/operator', release: 'cass_operator', chart: 'cass-operator', version: '0.1.0' },
  { module: 'observability', release: 'prometheus', chart: 'kube-prometheus-stack', version: '87.19.0' },
] as const;

/**
 * Serves charts with the names and versions of the real ones, which cannot be fetched everywhere: each writes
 * the values that it is given into a ConfigMap, and nothing else.
 *
 * @param terraform A copy of `terraform/`, whose releases are pointed here.
 */
export async function playCharts(terraform: string, folder: string): Promise<{ end(): void }> {
  mkdirSync(folder, { recursive: true });
  const index: string[] = ['apiVersion: v1', 'entries:'];
  for (const { chart, version } of RELEASES) {
    const files = join(folder, chart);
    mkdirSync(join(files, 'templates'), { recursive: true });
    writeFileSync(join(files, 'Chart.yaml'), `apiVersion: v2\nname: ${chart}\nversion: ${version}\n`);
    writeFileSync(
      join(files, 'templates', 'values.yaml'),
      `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${chart}\ndata:\n  values: {{ toYaml .Values | quote }}\n`,
    );
    execFileSync('tar', ['-czf', join(folder, `${chart}.tgz`), '-C', folder, chart]);
    index.push(
      `  ${chart}:`,
      `    - {apiVersion: v2, name: ${chart}, version: ${version}, urls: [${chart}.tgz]}`,
    );
  }
  writeFileSync(join(folder, 'index.yaml'), `${index.join('\n')}\n`);
  const server = createServer((request, response) => {
    try {
      response.end(readFileSync(join(folder, (request.url ?? '').slice(1))));
    } catch {
      response.writeHead(404).end();
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  for (const { module, release } of RELEASES) {
    const file = join(terraform, 'modules', module, `${release}_override.tf`);
    writeFileSync(
      file,
      `resource "helm_release" "${release}" {\n  repository = "http://127.0.0.1:${port}"\n}\n`,
    );
  }
  return {
    end() {
      server.closeAllConnections();
      server.close();
    },
  };
}
