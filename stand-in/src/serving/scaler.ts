import { createLoadAverage } from './load-average.ts';
import type { ServicePlan } from '@kandle/knative/plan';

/** Decides how many processes a service should have. */
export interface Scaler {
  /** So many requests are under way or wait, from now on. */
  note(requests: number): void;
  /** The load of the past no longer counts: what comes now comes to a service that is at zero. */
  forget(): void;
  /** Processes that there should be. */
  desired(): number;
  /**
   * Whether for `idleMs` fewer than `live` processes would have done. When it says so, the time begins anew.
   */
  hasSurplus(live: number): boolean;
}

/** Serving scales up on the average of 6 s when much comes at once. */
const LOAD_WINDOW_MS = 6_000;

/**
 * Scales on request concurrency as Knative Serving does: from zero on the first request, up to `maxScale` as
 * the average of the last seconds asks for, down to `minScale`. A moment in which many requests come at once,
 * as with each poll of a source, starts nothing.
 */
export function createScaler(
  { minScale, maxScale, targetConcurrency }: Pick<ServicePlan, 'minScale' | 'maxScale' | 'targetConcurrency'>,
  idleMs: number,
  now: () => number = () => performance.now(),
): Scaler {
  const load = createLoadAverage(LOAD_WINDOW_MS);
  let requests = 0;
  /** Since when there are more processes than the load asks for. */
  let surplusMs = now();

  function needed(): number {
    const wanted = Math.ceil(load.average(now()) / targetConcurrency);
    return maxScale === 0 ? wanted : Math.min(wanted, maxScale);
  }

  return {
    note(count) {
      requests = count;
      load.set(count, now());
    },
    forget() {
      load.reset(now());
      load.set(requests, now());
    },
    // What is at rest stays as it is until something is asked of it, whatever the last seconds were like.
    desired: () => Math.max(requests > 0 ? Math.max(needed(), 1) : 0, minScale),
    hasSurplus(live) {
      if (live <= Math.max(needed(), minScale, 1)) surplusMs = now();
      if (now() - surplusMs < idleMs) return false;
      surplusMs = now();
      return true;
    },
  };
}
