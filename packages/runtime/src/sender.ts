import type { Logger } from './log.ts';
import { readSenderRules, type SenderCheck, type SenderSettings } from './sender-rules.ts';

/**
 * The check of senders, or null where nobody is asked. It fetches the issuer's keys at once, so that the first
 * event need not wait for them.
 *
 * @param name The function's, at the end of the audience.
 * @throws {FatalError} If it is set up by halves.
 */
export function createSenderCheck(name: string, settings: SenderSettings, log: Logger): SenderCheck | null {
  const rules = readSenderRules(name, settings);
  if (rules === null) return null;
  // In a file of its own, because most functions on a laptop ask nobody, and jose takes its time to load.
  const loaded = import('./sender-token.ts').then(({ createTokenCheck }) => createTokenCheck(rules, log));
  loaded.catch((error: unknown) => log.error({ err: error }, 'Cannot load the check of senders'));
  return (authorization) =>
    loaded.then(
      (check) => check(authorization),
      () => 'keys_away',
    );
}
