import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPO_ROOT } from '@kandle/tooling/paths';
import { expect, test } from 'vitest';
import { KANDLE_POLL, KNATIVE_POLL } from './source.ts';

test('a laptop polls as a cluster does that knative/kafka-source-settings.sh has set up', () => {
  const script = readFileSync(join(REPO_ROOT, 'knative', 'kafka-source-settings.sh'), 'utf8');
  const [, bytes] = /^setting=max\.partition\.fetch\.bytes bytes=(\d+)$/m.exec(script) ?? [];
  expect(KANDLE_POLL).toEqual({ ...KNATIVE_POLL, maxPartitionFetchBytes: Number(bytes) });
});
