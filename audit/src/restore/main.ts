import { createInterface } from 'node:readline/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { TOPICS } from '@kandle/market/event/topics';
import { type Env, logLevel, readEnv } from '@kandle/runtime/config';
import { describeError } from '@kandle/runtime/errors';
import { createKafka, KafkaEnv } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { helpText, type OptionValues, readCommand, UsageError } from '@kandle/tooling/command';
import type { Admin } from 'kafkajs';
import { z } from 'zod';
import { main as audit, type Output } from '../main.ts';
import { COMMAND } from './command.ts';
import { moveGroup, type Reading, readingNothing, readingSince, waitUntilLeft } from './offsets.ts';

const RestoreEnvSchema = z.object({
  ...KafkaEnv.shape,
  LOG_LEVEL: logLevel.default('warn'),
  RAW_TOPIC: z.string().min(1).default(TOPICS.raw),
  TRANSFORM_GROUP: z.string().min(1).default('kandle-transform'),
  SIGNALS_TOPIC: z.string().min(1).default(TOPICS.signals),
  PERSIST_TRADES_GROUP: z.string().min(1).default('kandle-persist-trades'),
  NOTIFY_GROUP: z.string().min(1).default('kandle-notify'),
});
type Config = z.infer<typeof RestoreEnvSchema>;
type Wishes = OptionValues<typeof COMMAND.options>;

const AUDIT_AGAIN_MS = 10_000;

/**
 * Runs the restore as a command.
 *
 * @returns The exit code: 0 done and clean, 1 not clean within the time, 2 it could not be done.
 */
export async function main(args: readonly string[], env: Env, output: Output): Promise<0 | 1 | 2> {
  try {
    const wishes = readCommand(COMMAND, args);
    if (wishes === null) {
      output.print(helpText(COMMAND));
      return 0;
    }
    const config = readEnv(RestoreEnvSchema, env);
    const admin = createKafka(config, 'restore', createLogger('restore', config.LOG_LEVEL)).admin();
    try {
      await admin.connect();
      return await restore(admin, { config, wishes, env, output });
    } finally {
      await admin.disconnect().catch(() => undefined);
    }
  } catch (error) {
    output.progress(describeError(error));
    return 2;
  }
}

interface Order {
  readonly config: Config;
  readonly wishes: Wishes;
  readonly env: Env;
  readonly output: Output;
}

async function restore(admin: Admin, order: Order): Promise<0 | 1 | 2> {
  const { wishes, output } = order;
  const isWhole = wishes.begin === wishes.end;
  if (isWhole || wishes.begin) {
    if (!(await begin(admin, order))) return 0;
    output.print('Start the event sources again now, all but that of notify.');
  }
  return isWhole || wishes.end ? end(admin, order) : 0;
}

/** Sets the two groups back that read the raw log. @returns False if nothing was changed. */
async function begin(admin: Admin, { config, wishes, output }: Order): Promise<boolean> {
  const from = wishes.since === null ? 'the beginning' : new Date(wishes.since).toISOString();
  const readings: Reading[] = [];
  for (const group of [config.TRANSFORM_GROUP, config.PERSIST_TRADES_GROUP]) {
    const reading = await readingSince(admin, { group, topic: config.RAW_TOPIC }, wishes.since);
    readings.push(reading);
    output.print(
      `${group} will read ${reading.topic} again from ${from}: ${reading.events} of the ${reading.held} events that Kafka holds.`,
    );
  }
  if (wishes['dry-run']) {
    output.print('Nothing was changed.');
    return false;
  }
  if (!wishes.yes && !(await isConfirmed())) {
    output.print('Nothing was changed.');
    return false;
  }
  output.progress(
    'Waiting until the event sources of transform, persist and notify have left their groups …',
  );
  const groups = readings.map(({ group }) => group);
  await waitUntilLeft(admin, [...groups, config.NOTIFY_GROUP], wishes.wait);
  for (const reading of readings) {
    await moveGroup(admin, reading);
    output.print(`${reading.group} is set back.`);
  }
  return true;
}

/** Audits until that is clean, then sets notify to the end. */
async function end(admin: Admin, { config, wishes, env, output }: Order): Promise<0 | 1 | 2> {
  const notify = { group: config.NOTIFY_GROUP, topic: config.SIGNALS_TOPIC };
  if (wishes['dry-run']) {
    output.print(`${notify.group} will be set to the end of ${notify.topic}, once the audit is clean.`);
    return 0;
  }
  const deadline = performance.now() + wishes.within;
  for (;;) {
    const left = Math.max(0, Math.ceil((deadline - performance.now()) / 1_000));
    // What was refused is refused again by a restore.
    const args = ['--wait', `${Math.min(left, 999_999)}s`, '--max-refused', '1000000'];
    const code = await audit(args, env, output);
    if (code === 0) break;
    if (performance.now() + AUDIT_AGAIN_MS > deadline) return code === 2 ? 2 : 1;
    await sleep(AUDIT_AGAIN_MS);
  }
  await waitUntilLeft(admin, [notify.group], wishes.wait);
  await moveGroup(admin, await readingNothing(admin, notify));
  output.print(
    `${notify.group} is set to the end of ${notify.topic}. Start the event source of notify again now.`,
  );
  return 0;
}

async function isConfirmed(): Promise<boolean> {
  if (!process.stdin.isTTY)
    throw new UsageError('Cannot ask before changing, for this is no terminal: give --yes');
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question('Go on? [y/N] ');
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}
