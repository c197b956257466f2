import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { createAvroEvents } from '@kandle/runtime/avro/avro-events';
import { createEventProducer } from '@kandle/runtime/event-producer';
import { describeError, FatalError } from '@kandle/runtime/errors';
import { createKafka } from '@kandle/runtime/kafka';
import { createLogger, type Logger } from '@kandle/runtime/log';
import { readSecret } from '@kandle/runtime/secret';
import { type InstrumentsConfig, readConfig } from './config.ts';
import { publishAll, refreshAll } from './handler.ts';
import { createPostgresStore } from './postgres-store.ts';
import { readList, withProfile } from './read-list.ts';
import { createSqliteStore } from './sqlite-store.ts';
import type { InstrumentStore } from './store.ts';
import { createVendorClient } from '@kandle/runtime/vendor-client';

const API_URLS = { finnhub: 'https://finnhub.io/api/v1', twelvedata: 'https://api.twelvedata.com' } as const;
/** What the free plans allow: 60 requests a minute, and 8 credits, of which a list costs one. */
const REQUESTS_PER_MINUTE = { finnhub: 55, twelvedata: 8 } as const;

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLogger('instruments', config.LOG_LEVEL);
  const vendor = createVendorClient({
    vendor: config.VENDOR,
    apiUrl: config.API_URL ?? API_URLS[config.VENDOR],
    apiKey: readSecret(config.API_KEY_FILE, 'API_KEY_FILE'),
    deadlineMs: config.ANSWER_MS,
    requestsPerMinute: config.REQUESTS_PER_MINUTE ?? REQUESTS_PER_MINUTE[config.VENDOR],
    limitPauseMs: config.LIMIT_PAUSE_MS,
  });
  const store = openStore(config);
  const profiles = new Set(config.VENDOR === 'finnhub' ? config.PROFILES : []);
  try {
    const failed = await refreshAll({
      feed: config.FEED,
      lists: config.LISTS,
      acceptShrink: config.ACCEPT_SHRINK,
      async read(list) {
        const { listings, unreadable } = await readList(list, vendor);
        const described = listings.map(async (one) =>
          list.kind === 'stocks' && profiles.has(one.ticker) ? await withProfile(one, vendor) : one,
        );
        return { listings: await Promise.all(described), unreadable };
      },
      store,
      wallMs: Date.now,
      log,
    });
    if (failed > 0) process.exitCode = 1;
    await publish(config, store, log);
  } finally {
    await store.close();
  }
}

/** Tells Kafka, whatever became of the lists: how old the last one is, is news too. */
async function publish(config: InstrumentsConfig, store: InstrumentStore, log: Logger): Promise<void> {
  const { FEED: feed, LISTS: lists, INSTRUMENTS_TOPIC: topic, PUBLISH } = config;
  if (PUBLISH === 'none') return;
  if (PUBLISH === 'all') await store.publishAgain(feed);
  const producer = createEventProducer(createKafka(config, 'instruments', log), createAvroEvents(config));
  try {
    const count = await publishAll({ feed, lists, store, send: (events) => producer.send(topic, events) });
    log.info({ feed, topic, instruments: count }, 'published');
  } finally {
    await producer.close();
  }
}

function openStore(config: InstrumentsConfig): InstrumentStore {
  if (config.POSTGRES_HOST === undefined) {
    mkdirSync(dirname(config.SQLITE_FILE), { recursive: true });
    return createSqliteStore(config.SQLITE_FILE);
  }
  const { POSTGRES_PASSWORD_FILE: password, POSTGRES_TLS_CA_FILE: ca } = config;
  return createPostgresStore({
    host: config.POSTGRES_HOST,
    port: config.POSTGRES_PORT,
    database: config.POSTGRES_DATABASE,
    user: config.POSTGRES_USER,
    password: password === undefined ? undefined : readSecret(password, 'POSTGRES_PASSWORD_FILE'),
    ca: ca === undefined ? undefined : readSecret(ca, 'POSTGRES_TLS_CA_FILE'),
  });
}

/** What no other try would mend: the Job gives up. */
const EXIT_FATAL = 3;

main().catch((error: unknown) => {
  process.stderr.write(`instruments: ${describeError(error)}\n`);
  process.exit(error instanceof FatalError ? EXIT_FATAL : 1);
});
