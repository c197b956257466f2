import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExitCode, Output } from '@kandle/audit/main';
import { type CountingRules, CountingRulesSchema } from '@kandle/market/trade/counting-rules';
import { AvroEnv } from '@kandle/runtime/avro/avro-env';
import { createAvroEvents } from '@kandle/runtime/avro/avro-events';
import { CassandraEnv, type CassandraSettings, createCassandra } from '@kandle/runtime/cassandra';
import { type Env, readEnv } from '@kandle/runtime/config';
import { describeError } from '@kandle/runtime/errors';
import { KafkaEnv } from '@kandle/runtime/kafka';
import { forget, promote, readPromotions, rollBack } from '@kandle/runtime/promotions';
import { shadowGrants } from '@kandle/security/grants';
import {
  defineCommand,
  duration,
  flag,
  helpText,
  option,
  type OptionParser,
  readCommand,
  text,
  time,
  UsageError,
  wholeNumber,
} from '@kandle/tooling/command';
import { KANDLE_FOLDER } from '@kandle/tooling/paths';
import type { Client } from 'cassandra-driver';
import { readShadow, shadowKeyspace } from './places.ts';
import { removeLeftTopics, runShadow } from './run-shadow.ts';
import { showShadow } from './show-report.ts';

const shadowName: OptionParser<string> = (given, { name }) => {
  if (!/^[a-z0-9_]{1,20}$/.test(given))
    throw new UsageError(`--${name} ${given}: expected up to 20 lower case letters, digits and _`);
  return given;
};

const COMMAND = defineCommand({
  name: 'npm run shadow',
  about: `Plays a stretch of market.raw.v1 once more through the real functions, with other rules if you like, into a keyspace
of its own, and says which windows come out otherwise. Readers are switched to it, and back, by one conditional write.`,
  options: {
    from: option('TIME', 'windows that start at this time of the market or later', time),
    to: option(
      'TIME',
      'and before it; TIME is ISO (2026-11-25T08:00Z), epoch milliseconds, or how long ago: 90s, 30m, 26h, 7d',
      time,
    ),
    name: option('NAME', 'of the shadow (default: the time of now)', shadowName),
    rules: option(
      'FILE',
      'what conditions count for instead: all, us-tape, or a file of JSON as COUNTING_RULES of ingest has it',
      text,
    ),
    grace: option('DURATION', 'how long windows stay open instead, as GRACE_MS of aggregate', duration(1)),
    pace: option(
      'N',
      'play at most so many batches of the log a second; at full speed the pipeline beside it is late meanwhile',
      wholeNumber(1, 100_000),
    ),
    archive: option('DIR', 'read what Kafka no longer has from this archive (npm run archive)', text),
    prefix: option('TEXT', 'where the topics begin with something', text, ''),
    promote: option('NAME', 'let readers find its stretch of time in this shadow', shadowName),
    rollback: flag('let readers find everything where they did before the last change'),
    list: flag('what readers find in shadows now'),
    drop: option('NAME', 'remove a shadow that no reader looks into', shadowName),
    show: option('N', 'differences shown one by one', wholeNumber(0, 9_999_999), '20'),
    json: option('FILE', 'the whole report as JSON', text),
  },
  headings: { from: 'Play', promote: 'Switch', show: 'Result' },
  notes: `Exit code: 0 nothing differs, or it is done; 1 something differs; 2 it could not run.

Connections as for npm run audit. It needs to make topics and keyspaces, as npm start does.`,
});

/** Runs the command. */
export async function main(args: readonly string[], env: Env, output: Output): Promise<ExitCode> {
  try {
    const values = readCommand(COMMAND, args, Date.now());
    if (values === null) {
      output.print(helpText(COMMAND));
      return 0;
    }
    const cassandra = readEnv(CassandraEnv, env);
    const { promote: promoted, rollback, list, drop, from: fromMs, to: toMs } = values;
    const wishes = [promoted !== null, rollback, list, drop !== null, fromMs !== null || toMs !== null];
    if (wishes.filter(Boolean).length !== 1)
      throw new UsageError('Say one thing: --from and --to, --promote, --rollback, --list or --drop');
    if (fromMs === null && toMs === null)
      return await withClient(cassandra, async (client): Promise<ExitCode> => {
        output.print(await change(client, cassandra, { promoted, rollback, drop }));
        if (drop !== null)
          await removeLeftTopics(readEnv(KafkaEnv, env), { prefix: values.prefix, name: drop });
        return 0;
      });
    if (fromMs === null || toMs === null || fromMs >= toMs)
      throw new UsageError('--from and --to go together, and --from is before --to');
    const name = values.name ?? `t${new Date().toISOString().replaceAll(/\D/g, '').slice(0, 14)}`;
    const report = await runShadow({
      kafka: readEnv(KafkaEnv, env),
      cassandra,
      prefix: values.prefix,
      name,
      fromMs,
      toMs,
      rules: values.rules === null ? null : readRules(values.rules),
      graceMs: values.grace,
      pace: values.pace,
      archiveFolder: values.archive,
      avro: createAvroEvents(readEnv(AvroEnv, env)),
      logFolder: join(KANDLE_FOLDER, 'shadow', name),
      say: output.progress,
    });
    if (values.json !== null) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
    output.print(showShadow(report, values.show));
    output.print(`npm run shadow -- --promote ${name}, or --drop ${name}`);
    return report.differences.length === 0 ? 0 : 1;
  } catch (error) {
    output.progress(describeError(error));
    return 2;
  }
}

interface Wish {
  readonly promoted: string | null;
  readonly rollback: boolean;
  readonly drop: string | null;
}

async function change(
  client: Client,
  { CASSANDRA_KEYSPACE: production, CASSANDRA_PASSWORD_FILE: passwordFile }: CassandraSettings,
  { promoted, rollback, drop }: Wish,
): Promise<string> {
  const hasLogin = passwordFile !== undefined;
  if (promoted !== null) {
    const keyspace = shadowKeyspace(production, promoted);
    const about = await readShadow(client, keyspace);
    if (about === null) throw new UsageError(`${promoted}: no such shadow was played to its end`);
    if (about.doubts.length > 0) throw new UsageError(`${promoted}: ${about.doubts.join('; ')}`);
    // Where there are logins, the readers' own may not look into a keyspace that is new.
    if (hasLogin)
      for (const grant of shadowGrants(keyspace)) await client.execute(grant, [], { prepare: false });
    const { fromMs, toMs } = about;
    return describe(await promote(client, { keyspace, fromMs, toMs }, new Date()));
  }
  if (rollback) return describe(await rollBack(client, new Date()));
  const promotions = await readPromotions(client);
  if (drop === null) return describe({ promotions });
  const keyspace = shadowKeyspace(production, drop);
  if (promotions.some((one) => one.keyspace === keyspace))
    throw new UsageError(`${drop}: readers look into it; --rollback first`);
  await forget(client, keyspace, new Date());
  await client.execute(`DROP KEYSPACE IF EXISTS ${keyspace}`, [], { readTimeout: 60_000 });
  return `${keyspace} is gone`;
}

function describe({ promotions }: Pick<Awaited<ReturnType<typeof promote>>, 'promotions'>): string {
  if (promotions.length === 0) return 'Readers find everything where the pipeline writes';
  return promotions
    .map(
      ({ keyspace, fromMs, toMs }) =>
        `Readers find ${new Date(fromMs).toISOString()} to ${new Date(toMs).toISOString()} in ${keyspace}`,
    )
    .join('\n');
}

async function withClient<T>(settings: CassandraSettings, work: (client: Client) => Promise<T>): Promise<T> {
  const client = createCassandra(settings);
  try {
    return await work(client);
  } finally {
    await client.shutdown();
  }
}

function readRules(given: string): CountingRules {
  const named = CountingRulesSchema.safeParse(given);
  if (named.success) return named.data;
  try {
    return CountingRulesSchema.parse(JSON.parse(readFileSync(given, 'utf8')));
  } catch (error) {
    throw new UsageError(`--rules ${given}: ${describeError(error)}`);
  }
}
