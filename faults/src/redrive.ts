import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { DATA_FOLDER, REPO_ROOT } from '@kandle/tooling/paths';
import { findRunningServers } from '@kandle/servers/running-servers';
import { TOPICS } from '@kandle/market/event/topics';
import { loadDotEnv, readEnv } from '@kandle/runtime/config';
import { describeError } from '@kandle/runtime/errors';
import { AvroEnv } from '@kandle/runtime/avro/avro-env';
import { createAvroEvents } from '@kandle/runtime/avro/avro-events';
import { createKafka, KafkaEnv, type KafkaSettings } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import type { Kafka } from 'kafkajs';
import { listByReason, listEach, listEachReject, listRejectsByReason } from './redrive/listing.ts';
import { listRejects, rejectTopics, sendRejectsAgain } from './redrive/rejects.ts';
import { HELP, parseRedriveOptions, type RedriveOptions } from './redrive/options.ts';
import { listDeadLetters, sendAgain } from './redrive/redrive.ts';

async function main(): Promise<void> {
  const options = parseRedriveOptions(process.argv.slice(2), Date.now());
  if (options === null) return void process.stdout.write(HELP);
  const kafka = createKafka(findKafka(options), 'kandle-redrive', createLogger('redrive', 'error'));
  if (options.rejects) return redriveRejects(kafka, options);
  const { prefix } = options;
  const names = { dead: prefix + TOPICS.dead, redriven: prefix + TOPICS.redriven, prefix };
  const judged = await listDeadLetters(kafka, names, options.filter);
  for (const line of (options.show ? listEach : listByReason)(judged)) console.log(line);
  const letters = judged.filter(({ fate }) => fate === 'send').map(({ letter }) => letter);
  if (letters.length === 0) return console.log('Nothing to send.');
  if (options.dryRun) return console.log(`Would send ${letters.length}; nothing was sent.`);
  if (!options.yes && !(await isConfirmed(letters.length))) return console.log('Nothing was sent.');
  const sent = await sendAgain(kafka, names, letters, {
    nowMs: Date.now,
    onProgress: (count) => console.log(`  ${count} of ${letters.length} sent`),
  });
  console.log(`Sent ${sent} again. What is given up once more appears here as a new letter.`);
}

/** Refused records of one reason: they become trades, so that nobody is to send what was refused rightly. */
async function redriveRejects(kafka: Kafka, options: RedriveOptions): Promise<void> {
  const topics = rejectTopics(options.prefix);
  const avro = createAvroEvents(readEnv(AvroEnv, process.env));
  const judged = await listRejects(kafka, topics, options.filter, avro);
  for (const line of (options.show ? listEachReject : listRejectsByReason)(judged)) console.log(line);
  const count = judged.filter(({ fate }) => fate === 'send').length;
  if (count === 0) return console.log('Nothing to send.');
  if (options.filter.reason === undefined)
    return console.log('Nothing was sent: say which with --reason, such as too_far_ahead.');
  if (options.dryRun) return console.log(`Would send ${count}; nothing was sent.`);
  if (!options.yes && !(await isConfirmed(count))) return console.log('Nothing was sent.');
  const sent = await sendRejectsAgain(kafka, topics, judged, {
    avro,
    wallMs: Date.now,
    onProgress: (done) => console.log(`  ${done} of ${count} sent`),
  });
  console.log(`Sent ${sent} again; their candles are revised.`);
}

/** The environment's Kafka if it names one, else that of the stack that runs here. */
function findKafka({ folder }: RedriveOptions): KafkaSettings {
  loadDotEnv(join(REPO_ROOT, '.env'), (path) => readFileSync(path, 'utf8'));
  if ((process.env['KAFKA_BROKERS'] ?? '') !== '' && folder === null) return readEnv(KafkaEnv, process.env);
  const dataDir = folder === null ? DATA_FOLDER : resolve(folder);
  const running = findRunningServers(dataDir);
  if (running === null) {
    throw new Error(
      `Cannot find Kafka: nothing runs in ${dataDir} (npm start), and KAFKA_BROKERS is not set in the environment`,
    );
  }
  return readEnv(KafkaEnv, { KAFKA_BROKERS: running.kafkaBrokers.join(',') });
}

async function isConfirmed(count: number): Promise<boolean> {
  if (!process.stdin.isTTY) throw new Error('Cannot ask before sending, for this is no terminal: give --yes');
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question(`Send ${count} again? [y/N] `);
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}

try {
  await main();
} catch (error) {
  console.error(describeError(error));
  process.exitCode = 1;
}
// KafkaJS may leave a timer behind; everything of ours is closed.
process.exit(process.exitCode ?? 0);
