import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { describeError, FatalError } from '@kandle/runtime/errors';
import { createLogger } from '@kandle/runtime/log';
import { readSecret } from '@kandle/runtime/secret';
import { type InstrumentsConfig, readConfig } from './config.ts';
import { refreshAll } from './handler.ts';
import { createPostgresStore } from './postgres-store.ts';
import { readList, type VendorSettings, withProfile } from './read-list.ts';
import { createSqliteStore } from './sqlite-store.ts';
import type { InstrumentStore } from './store.ts';

const API_URLS = { finnhub: 'https://finnhub.io/api/v1', twelvedata: 'https://api.twelvedata.com' } as const;

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLogger('instruments', config.LOG_LEVEL);
  const vendor: VendorSettings = {
    vendor: config.VENDOR,
    apiUrl: config.API_URL ?? API_URLS[config.VENDOR],
    apiKey: readSecret(config.API_KEY_FILE, 'API_KEY_FILE'),
    deadlineMs: config.ANSWER_MS,
  };
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
  } finally {
    await store.close();
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
