import { setTimeout as sleep } from 'node:timers/promises';
import type { Attempt } from '../kafka-source/deliver.ts';
import { post } from '../kafka-source/deliver.ts';
import { type Instance, type InstanceSpec, type ProcessHooks, startInstance } from './instance.ts';
import type { ServicePlan } from '@kandle/knative/plan';
import { backOffMs } from '@kandle/runtime/back-off';
import { createScaler } from './scaler.ts';

/** How a service is doing. */
export interface ServiceStats {
  readonly name: string;
  readonly ready: number;
  readonly starting: number;
  readonly inFlight: number;
  readonly requests: number;
  readonly coldStarts: number;
  /** Spawn to ready of the last start, milliseconds. */
  readonly lastStartMs: number | null;
  readonly crashes: number;
  /** 99th percentile of the last thousand answers, milliseconds. */
  readonly p99Ms: number | null;
  readonly pids: readonly number[];
}

/** A process that was lent for one request. */
export interface Lease {
  readonly url: string;
  release(): void;
}

/** A function behind its scaler. */
export interface Service {
  readonly plan: ServicePlan;
  stats(): ServiceStats;
  /** Hands a request to a process, starting one if there is none. Never throws. */
  request(headers: Readonly<Record<string, string>>, body: Buffer, timeoutMs: number): Promise<Attempt>;
  /**
   * A process for one request that somebody else sends, starting one if there is none; to be released when the
   * request has ended. Null if none was ready in time.
   */
  lease(timeoutMs: number): Promise<Lease | null>;
  /** Ends every process at once, as a crash would. */
  kill(): void;
  /**
   * Takes no new request, answers 503 to those without a process, waits for those under way, ends every
   * process.
   */
  stop(): Promise<void>;
}

/** How a service is run on this machine. */
export interface ServiceOptions {
  /** A process of the service, listening to a port of its own. */
  readonly spec: () => Promise<InstanceSpec>;
  readonly hooks: ProcessHooks;
  /** How long a process without a request stays, milliseconds. */
  readonly idleMs: number;
  readonly log: (line: string) => void;
}

interface Running {
  readonly instance: Instance;
  readonly startedMs: number;
  state: 'starting' | 'ready' | 'stopping';
  inFlight: number;
  idleTimer: NodeJS.Timeout | null;
}

interface Waiting {
  readonly take: (running: Running | null) => void;
}

/** How long the next process waits after early crashes. */
const RESTART = { firstMs: 50, maxMs: 5_000 };
/** A process that lived for less has crashed early, and the next one waits. */
const STABLE_MS = 10_000;
/** How long a process that takes no connection may need to be seen dead. */
const UNREACHED_MS = 50;
const SAMPLES = 1_000;
/** Serving's autoscaler looks every 2 s, ours a little more often. */
const LOOK_MS = 1_000;
const STOPPING: Attempt = { status: 503, body: Buffer.from('The service is stopping') };

/**
 * Runs a function's processes, as many as its scaler asks for, and hands requests to them, as Knative Serving
 * does with its activator in the path. A process without a request ends after the idle time.
 *
 * It stands in for Serving on a laptop, for development only.
 */
export function createService(plan: ServicePlan, options: ServiceOptions): Service {
  const running = new Set<Running>();
  const waiting: Waiting[] = [];
  const samples: number[] = [];
  const metrics = { requests: 0, coldStarts: 0, crashes: 0, inFlight: 0 };
  const limit = plan.containerConcurrency === 0 ? Number.POSITIVE_INFINITY : plan.containerConcurrency;
  let lastStartMs: number | null = null;
  let earlyCrashes = 0;
  let stopped = false;
  const stopping = new AbortController();
  let spawning = 0;

  const scaler = createScaler(plan, options.idleMs);

  const live = (): number => spawning + [...running].filter(({ state }) => state !== 'stopping').length;

  function scaleUp(): void {
    if (stopped) return;
    for (let missing = scaler.desired() - live(); missing > 0; missing--) {
      spawning += 1;
      start().catch((error: unknown) => {
        options.log(`${plan.name} cannot be started: ${String(error)}`);
        earlyCrashes += 1;
        scaleUp();
      });
    }
  }

  /** To be called whenever a request comes or goes. */
  function noteLoad(): void {
    scaler.note(metrics.inFlight + waiting.length);
  }

  async function start(): Promise<void> {
    let entry: Running;
    try {
      // After a crash not at once: a function that cannot start must not eat the machine.
      if (earlyCrashes > 0) await restartDelay();
      if (stopped) return;
      const spec = await options.spec();
      if (stopped) return;
      if (metrics.requests > 0) metrics.coldStarts += 1;
      entry = {
        instance: startInstance(spec, options.hooks),
        startedMs: performance.now(),
        state: 'starting',
        inFlight: 0,
        idleTimer: null,
      };
      running.add(entry);
    } finally {
      spawning -= 1;
    }
    entry.instance.exited.then(
      () => onExit(entry),
      () => undefined,
    );
    try {
      lastStartMs = await entry.instance.ready;
    } catch (error) {
      if (!stopped) options.log(String(error instanceof Error ? error.message : error));
      return;
    }
    if (entry.state !== 'starting') return;
    entry.state = 'ready';
    hand();
    restIfIdle(entry);
  }

  /** Starts what is missing; ends the newest process when for a while fewer would have done. */
  function look(): void {
    scaleUp();
    const newest = [...running].findLast(({ state }) => state === 'ready');
    if (scaler.hasSurplus(live()) && newest !== undefined) retire(newest);
  }

  function retire(entry: Running): void {
    entry.state = 'stopping';
    void entry.instance.stop();
  }

  function restartDelay(): Promise<void> {
    const delayMs = backOffMs(earlyCrashes, 1, RESTART);
    return sleep(delayMs, undefined, { signal: stopping.signal }).catch(() => undefined);
  }

  function onExit(entry: Running): void {
    running.delete(entry);
    if (entry.idleTimer !== null) clearTimeout(entry.idleTimer);
    if (entry.state === 'stopping') return;
    metrics.crashes += 1;
    earlyCrashes = performance.now() - entry.startedMs < STABLE_MS ? earlyCrashes + 1 : 0;
    scaleUp();
  }

  /**
   * A process for the next request: the oldest that is not full by the target, so that those which only a burst
   * needed fall idle and end, as Serving takes them away when the average is low again; else the least busy
   * one.
   */
  function choose(): Running | undefined {
    const free = [...running].filter(({ state, inFlight }) => state === 'ready' && inFlight < limit);
    return (
      free.find(({ inFlight }) => inFlight < plan.targetConcurrency) ??
      free.toSorted((a, b) => a.inFlight - b.inFlight)[0]
    );
  }

  function hand(): void {
    while (waiting.length > 0) {
      const free = choose();
      if (free === undefined) break;
      free.inFlight += 1;
      if (free.idleTimer !== null) clearTimeout(free.idleTimer);
      free.idleTimer = null;
      waiting.shift()?.take(free);
    }
    // From zero at once; whether more are needed is seen at the next look.
    if (live() === 0 && waiting.length > 0) {
      scaler.forget();
      scaleUp();
    }
  }

  function restIfIdle(entry: Running): void {
    if (entry.inFlight > 0 || entry.state !== 'ready' || entry.idleTimer !== null || stopped) return;
    entry.idleTimer = setTimeout(() => {
      entry.idleTimer = null;
      if (entry.inFlight > 0 || entry.state !== 'ready' || live() <= plan.minScale) return;
      earlyCrashes = 0;
      retire(entry);
    }, options.idleMs);
  }

  /** A process for a request, or null when none was there in time. */
  function acquire(timeoutMs: number): Promise<Running | null> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        const place = waiting.indexOf(entry);
        if (place >= 0) waiting.splice(place, 1);
        noteLoad();
        resolve(null);
      }, timeoutMs);
      const entry: Waiting = {
        take: (free) => {
          clearTimeout(timer);
          resolve(free);
        },
      };
      waiting.push(entry);
      noteLoad();
      hand();
    });
  }

  /** Counts a request as under way in a process. @returns To be called once, when it has ended. */
  function begin(entry: Running): () => void {
    metrics.inFlight += 1;
    noteLoad();
    return () => {
      metrics.inFlight -= 1;
      entry.inFlight -= 1;
      noteLoad();
      hand();
      restIfIdle(entry);
    };
  }

  async function handOver(
    entry: Running,
    headers: Readonly<Record<string, string>>,
    body: Buffer,
    timeoutMs: number,
  ): Promise<Attempt> {
    const startedMs = performance.now();
    const end = begin(entry);
    try {
      const attempt = await post(entry.instance.url, headers, body, Math.min(timeoutMs, plan.timeoutMs));
      // The queue in front of a container answers for it when its time is up.
      const timedOut = attempt.status === null && performance.now() - startedMs >= plan.timeoutMs;
      return timedOut ? { status: 504, body: Buffer.from('The function did not answer in time') } : attempt;
    } finally {
      end();
    }
  }

  scaleUp();
  const looking = setInterval(look, LOOK_MS).unref();
  return {
    plan,
    stats: () => ({
      name: plan.name,
      ready: [...running].filter(({ state }) => state === 'ready').length,
      starting: live() - [...running].filter(({ state }) => state === 'ready').length,
      inFlight: metrics.inFlight,
      requests: metrics.requests,
      coldStarts: metrics.coldStarts,
      lastStartMs,
      crashes: metrics.crashes,
      p99Ms:
        samples.length === 0
          ? null
          : (samples.toSorted((a, b) => a - b)[Math.floor(samples.length * 0.99)] ?? null),
      pids: [...running].map(({ instance }) => instance.pid),
    }),
    async request(headers, body, timeoutMs) {
      if (stopped) return STOPPING;
      const startedMs = performance.now();
      metrics.requests += 1;
      const leftMs = (): number => Math.max(1, timeoutMs - (performance.now() - startedMs));
      for (;;) {
        const entry = await acquire(leftMs());
        if (entry === null && stopped) return STOPPING;
        if (entry === null)
          return { status: null, body: Buffer.from(`No process of ${plan.name} was ready in time`) };
        const attempt = await handOver(entry, headers, body, leftMs());
        if (attempt.isUnreached !== true || stopped) {
          samples.push(performance.now() - startedMs);
          if (samples.length > SAMPLES) samples.shift();
          return attempt;
        }
        // It died a moment ago: the queue in front of the containers tries another one.
        await Promise.race([entry.instance.exited, sleep(UNREACHED_MS)]);
      }
    },
    async lease(timeoutMs) {
      if (stopped) return null;
      metrics.requests += 1;
      const entry = await acquire(timeoutMs);
      if (entry === null) return null;
      const end = begin(entry);
      let isReleased = false;
      return {
        url: entry.instance.url,
        release() {
          if (isReleased) return;
          isReleased = true;
          end();
        },
      };
    },
    kill() {
      for (const { instance } of running) instance.kill();
    },
    async stop() {
      stopped = true;
      clearInterval(looking);
      stopping.abort();
      for (const entry of waiting.splice(0)) entry.take(null);
      for (const entry of running) {
        entry.state = 'stopping';
        if (entry.idleTimer !== null) clearTimeout(entry.idleTimer);
      }
      await Promise.all([...running].map(({ instance }) => instance.stop()));
    },
  };
}
