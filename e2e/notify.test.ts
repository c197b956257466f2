import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readPlan } from '@kandle/knative/read-plan';
import { startPipeline } from '@kandle/stand-in/pipeline';
import { startSimulator } from '@kandle/feeds/simulator/server';
import { expect, inject, onTestFinished, test } from 'vitest';

const DEADLINE_MS = 240_000;
/** Announcements to wait for before and after notify is killed. */
const SOME = 8;

/** A rule that finds something in almost every window. */
const RULES = {
  rules: [{ name: 'rsi-often', kind: 'rsi', over: 60, under: 40, back: 1, coolDownMs: 5_000 }],
};

/** A webhook that takes everything, a little slowly, and notes the keys. */
async function startWebhook() {
  const keys: string[] = [];
  const server = createServer((request, response) => {
    keys.push(String(request.headers['idempotency-key']));
    request.resume().on('end', () => setTimeout(() => response.writeHead(204).end(), 20));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return { keys, url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/hook` };
}

test(
  'every signal is announced once, when each event comes three times and notify is killed in the middle',
  async () => {
    const keyspace = `notify${Date.now()}`;
    const folder = mkdtempSync(join(tmpdir(), 'kandle-notify-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const webhook = await startWebhook();
    const targets = [{ name: 'desk', kind: 'json', url: webhook.url, ratePerMinute: 6_000, burst: 100 }];
    writeFileSync(join(folder, 'targets.json'), JSON.stringify({ allowInside: ['127.0.0.1'], targets }));
    writeFileSync(join(folder, 'rules.json'), JSON.stringify(RULES));
    const simulator = await startSimulator({ port: 0, seed: 5, rate: 100, symbols: 6 });
    onTestFinished(() => simulator.close());
    const pipeline = await startPipeline({
      plan: await readPlan(),
      servers: { kafkaBrokers: inject('kafkaBrokers'), cassandra: inject('cassandra') },
      keyspace,
      prefix: `${keyspace}.`,
      logFolder: folder,
      deliveries: 3,
      feed: {
        FEED: 'sim',
        FEED_URL: simulator.url,
        FINNHUB_TOKEN: 'simulator',
        SYMBOLS: simulator.symbols.join(','),
      },
      processEnv: (name) => {
        if (name === 'notify') return { TARGETS_FILE: join(folder, 'targets.json'), BUDGET_MS: '10000' };
        if (name === 'signal') return { RULES_FILE: join(folder, 'rules.json'), RSI_PERIOD: '2' };
        return {};
      },
      log: () => undefined,
      hooks: { onSpawn: () => undefined, onExit: () => undefined },
    });
    onTestFinished(async () => {
      await pipeline.client.execute(`DROP KEYSPACE IF EXISTS ${keyspace}`).catch(() => undefined);
      await pipeline.stop();
    });
    const until = async (what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> => {
      const deadline = performance.now() + DEADLINE_MS;
      while (!(await isTrue())) {
        if (performance.now() > deadline) throw new Error(`Not in time: ${what}; see ${folder}`);
        await sleep(50);
      }
    };

    await until('some announcements', () => webhook.keys.length >= SOME);
    pipeline.services.get('notify')?.kill();
    const atKill = webhook.keys.length;
    await until('announcements after the kill', () => webhook.keys.length >= atKill + SOME);
    simulator.setSilent(true);
    await until('the end of everything', () => pipeline.isAtRest());

    const signals = await pipeline.client.execute(
      `SELECT feed, symbol, rule, start, state FROM ${keyspace}.signals`,
    );
    const told = await pipeline.client.execute(
      `SELECT signal_id, version, state, status, delay_ms FROM ${keyspace}.notifications`,
    );
    const sent = told.rows.filter((row) => row['status'] === 'sent');
    // The record says what the webhook saw: every key is that of one sent notice, and the other way round.
    const keys = new Set(webhook.keys.map(decodeURIComponent));
    expect(keys).toEqual(new Set(sent.map((row) => `sim:${row['signal_id']}:${row['version']}:desk`)));
    // None is lost: what is active in the view was told, and none of it twice.
    const active = signals.rows.filter((row) => row['state'] === 'active');
    expect(active.length).toBeGreaterThanOrEqual(SOME);
    for (const row of active) {
      const start = row['start'];
      const id = `${row['rule']}:${row['symbol']}:${start instanceof Date ? start.getTime() : ''}`;
      const states = sent
        .filter((notice) => notice['signal_id'] === id)
        .map((notice) => String(notice['state']));
      expect([
        id,
        states.filter((state) => state === 'active').length -
          states.filter((state) => state === 'retracted').length,
      ]).toEqual([id, 1]);
    }
    // Only what was under way when notify was killed can have been sent a second time.
    expect(webhook.keys.length - keys.size).toBeLessThanOrEqual(8);

    // From the trade behind a signal to the webhook's 2xx; what the kill delayed is among them.
    const delays = sent.map((row) => Number(row['delay_ms'])).toSorted((x, y) => x - y);
    expect(delays[0]).toBeGreaterThan(0);
    const at = (share: number) => delays[Math.floor((delays.length - 1) * share)];
    process.stdout.write(
      `${delays.length} announcements, trade to 2xx: p50 ${at(0.5)} ms, p90 ${at(0.9)} ms, max ${at(1)} ms\n`,
    );
  },
  DEADLINE_MS * 4,
);
