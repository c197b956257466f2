import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { GRAFANA, grafanaFiles } from './files.ts';

/** `npm run grafana:build`: writes what Grafana reads. */
for (const [path, content] of grafanaFiles()) {
  const file = join(GRAFANA, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  console.log(`grafana/${path}`);
}
