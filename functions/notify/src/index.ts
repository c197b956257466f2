import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { createCassandra } from '@kandle/runtime/cassandra';
import { createMetrics } from '@kandle/runtime/metrics';
import { runFunction } from '@kandle/runtime/run-function';
import { createNoticeStore } from './cassandra-store.ts';
import { readConfig } from './config.ts';
import { createNotify, NOTIFY_TYPES } from './handler.ts';
import { postByHttp } from './post.ts';
import { createRateLimit } from './rate-limit.ts';
import { readTargets } from './targets.ts';

/** How long a claim outlives the time of its event, milliseconds. */
const LEASE_MARGIN_MS = 5_000;

void runFunction('notify', readConfig, (config, log) => {
  const targets = readTargets(config);
  if (targets.length === 0) log.warn('no targets: nobody is told of signals; see TARGETS_FILE');
  else log.info({ targets: targets.map(({ name }) => name) }, 'targets');
  const cassandra = createCassandra(config);
  const metrics = createMetrics('notify');
  const notices = metrics.counter('notify_notices_total', 'Signals told or not, by target and outcome');
  const delays = metrics.histogram(
    'notify_delay_seconds',
    "From the trade behind a signal to the target's 2xx, by target",
    's',
  );
  const monotonicMs = (): number => performance.now();
  return {
    types: NOTIFY_TYPES,
    handle: createNotify({
      store: createNoticeStore(cassandra, `${hostname()}:${process.pid}`),
      targets: targets.map((target) => ({ target, limit: createRateLimit(target, monotonicMs) })),
      post: postByHttp,
      monotonicMs,
      wallMs: Date.now,
      sleep: async (ms) => {
        if (ms > 0) await sleep(ms);
      },
      random: Math.random,
      answerMs: config.ANSWER_MS,
      backOffMs: config.BACK_OFF_MS,
      maxTries: config.MAX_TRIES,
      budgetMs: config.BUDGET_MS,
      leaseMs: config.BUDGET_MS + LEASE_MARGIN_MS,
      expiryMs: config.EXPIRY_MS,
      concurrency: config.CONCURRENCY,
      onOutcome: (target, outcome, delayMs) => {
        log.debug({ target: target.name, outcome, delayMs }, 'told');
        notices.add(1, { target: target.name, outcome });
        // Below 0 only where two machines' clocks differ.
        if (delayMs !== null) delays.record(Math.max(0, delayMs) / 1_000, { target: target.name });
      },
    }),
    warmUp: () => (targets.length === 0 ? Promise.resolve() : cassandra.connect()),
    close: () => cassandra.shutdown(),
  };
});
