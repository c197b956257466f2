import { join, resolve } from 'node:path';
import type { Env } from '@kandle/runtime/config';
import { REPO_ROOT } from '@kandle/tooling/paths';

/**
 * The file with the targets of notify on this machine: `NOTIFY_TARGETS_FILE`, or else `notify.targets.yaml` at
 * the project's root. It need not exist: nobody is told of signals then.
 */
export function notifyTargets(env: Env): string {
  const named = env['NOTIFY_TARGETS_FILE'] ?? '';
  return named === '' ? join(REPO_ROOT, 'notify.targets.yaml') : resolve(named);
}
