import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describeError, FatalError } from '@kandle/runtime/errors';
import type { Logger } from '@kandle/runtime/log';
import { parse } from 'yaml';
import { parseRules, type Rule } from '@kandle/market/signal/rules';

/** How the rules are read. */
export interface RulesFileOptions {
  readonly path: string;
  readonly maxRepeatedWindows: number;
  /** Monotonic milliseconds. */
  readonly monotonicMs: () => number;
  readonly log: Pick<Logger, 'info' | 'error'>;
}

/** How often the file is looked at, at most, milliseconds. */
const LOOK_EVERY_MS = 1_000;

/**
 * The rules of a YAML or JSON file as of now; when it is asked, the file is read again if it changed.
 *
 * What cannot be read then is logged with the rule and the field, and the rules before stay.
 *
 * @throws {FatalError} If the file cannot be read at first.
 */
export function watchRules(options: RulesFileOptions): () => readonly Rule[] {
  const { path, monotonicMs, log } = options;
  let seen = '';
  let lastFault = '';
  let lookedMs = monotonicMs();

  function readRules(): readonly Rule[] {
    return parseRules(parse(readFileSync(path, 'utf8')), options.maxRepeatedWindows);
  }

  let rules: readonly Rule[];
  try {
    seen = stampOf(path);
    rules = readRules();
  } catch (error) {
    throw new FatalError(`Cannot start: ${describe(path, error)}`, { cause: error });
  }
  return () => {
    if (monotonicMs() - lookedMs < LOOK_EVERY_MS) return rules;
    lookedMs = monotonicMs();
    try {
      const stamp = stampOf(path);
      if (stamp === seen) return rules;
      seen = stamp;
      rules = readRules();
      lastFault = '';
      log.info(`Read ${rules.length} rules from ${path}`);
    } catch (error) {
      const fault = describe(path, error);
      if (fault !== lastFault) log.error(`${fault}; the rules before stay`);
      lastFault = fault;
    }
    return rules;
  };
}

/** Where the rules are when no variable says so: beside the bundle, or above the sources. */
export function defaultRulesFile(mainFile: string): string {
  const beside = join(dirname(mainFile), 'rules.yaml');
  return existsSync(beside) ? beside : join(dirname(mainFile), '..', 'rules.yaml');
}

/** What changes when the file does; also when a mounted ConfigMap's link is turned to another file. */
function stampOf(path: string): string {
  const { mtimeMs, size, ino } = statSync(path);
  return `${mtimeMs}|${size}|${ino}`;
}

function describe(path: string, error: unknown): string {
  return `the rules in ${path} cannot be read: ${describeError(error).split('\n')[0]}`;
}
