import type { CasOutcome } from './conditional.ts';
import { type Facts, RetryableError } from './errors.ts';

/** What is to be done about a state that was read. */
export type Change<Result> =
  /** It is as it ought to be: nothing to write. */
  | { readonly kind: 'done'; readonly result: Result }
  /** It does not tell what is to be done, for it is older than something else that is known: read again. */
  | { readonly kind: 'look_again' }
  /** One conditional write. Once it is applied, that is the end with `result`; null asks for one more look. */
  | { readonly kind: 'write'; readonly write: () => Promise<CasOutcome>; readonly result: Result | null };

/** How often a change is tried, and what passes between two tries. */
export interface ChangeLimits {
  readonly maxAttempts: number;
  /** Waits before another attempt, longer with each: {@link backOffMs}. */
  readonly backOff: (attempt: number) => Promise<void>;
}

/** A change of something that carries a version. */
export interface VersionedChange<State, Result extends object> extends ChangeLimits {
  /** What cannot be done if every race is lost: `close window 5000 of sim-00`; and the same as fields. */
  readonly action: string;
  readonly facts: Facts;
  /**
   * The state as of now. The first one, when no write was tried yet (`last` is null), may be what memory says:
   * a write is conditional on the version it was made from.
   *
   * @param last How the write before ended.
   */
  readonly read: (last: CasOutcome | null) => State | Promise<State>;
  /** Decides. Called again for every state that is read, so whatever else it does must be safe to repeat. */
  readonly change: (state: State, last: CasOutcome | null) => Change<Result> | Promise<Change<Result>>;
}

/**
 * Reads, decides and writes conditionally, until a write is applied or there is nothing to write.
 *
 * - A write whose race was lost had no effect: the rival's state is read, and decided on.
 * - A write of unknown outcome may have taken effect, now or later. Nobody but the state itself tells: it is
 *   read at serial consistency, and `change` must know its own write again (by a batch's sequence, a mark, a
 *   version) and answer `done`. A write that takes effect later still fails on the version.
 * - The first lost race is tried again at once, for the rival is done; after any other the next attempt waits,
 *   longer each time.
 * - What `read`, `change` or a write throws ends it; nothing is caught here.
 *
 * @throws {RetryableError} If `maxAttempts` states were read and none of them was left as it ought to be.
 */
export async function changeVersioned<State, Result extends object>({
  action,
  facts,
  read,
  change,
  maxAttempts,
  backOff,
}: VersionedChange<State, Result>): Promise<Result> {
  let last: CasOutcome | null = null;
  let failures = 0;
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const decided = await change(await read(last), last);
    if (decided.kind === 'done') return decided.result;
    if (decided.kind === 'look_again') continue;
    last = await decided.write();
    if (last === 'applied') {
      if (decided.result !== null) return decided.result;
      continue;
    }
    if (failures > 0 || last === 'unknown') await backOff(failures);
    failures += 1;
  }
  throw new RetryableError(`Cannot ${action}: lost every race`, { facts });
}
