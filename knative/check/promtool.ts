import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { KNATIVE } from './render.ts';

const MONITORING = join(KNATIVE, 'monitoring');

/** True if there is a `promtool`; it comes with Prometheus (Debian: apt-get install prometheus). */
export function hasPromtool(): boolean {
  return spawnSync('promtool', ['--version'], { stdio: 'ignore' }).status === 0;
}

/** What Prometheus' own tool says about files of `knative/monitoring`; null if it has nothing against them. */
export function checkWithPromtool(...args: readonly string[]): string | null {
  const run = spawnSync('promtool', args, { cwd: MONITORING, encoding: 'utf8' });
  return run.status === 0 ? null : run.stdout + run.stderr;
}

/**
 * The same of a configuration that looks for its targets in Kubernetes, with targets that stand there instead:
 * Debian's promtool knows no Kubernetes, and elsewhere there are no files of a pod.
 */
export function checkClusterConfig(file: string): string | null {
  const folder = mkdtempSync(join(tmpdir(), 'kandle-promtool-'));
  try {
    const config: unknown = parse(readFileSync(join(MONITORING, file), 'utf8'), (key, value: unknown) =>
      key === 'bearer_token_file' || key === 'tls_config' || key === 'rule_files' ? undefined : value,
    );
    const text = stringify(config).replaceAll(
      /^( *)kubernetes_sd_configs:\n(\1 .*\n|\1- .*\n)+/gm,
      '$1static_configs:\n$1  - targets: [127.0.0.1:1]\n',
    );
    writeFileSync(join(folder, 'prometheus.yaml'), text);
    return checkWithPromtool('check', 'config', join(folder, 'prometheus.yaml'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
