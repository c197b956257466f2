import {
  type Command,
  helpText,
  type Options,
  type OptionValues,
  readCommand,
  UsageError,
} from '@kandle/tooling/command';
import { describeError } from '@kandle/runtime/errors';

/** What a benchmark gets from its command. */
export interface BenchRun<Declared extends Options> {
  readonly options: OptionValues<Declared>;
  /** As it was typed, for the record. */
  readonly args: readonly string[];
  /** Tells how far it is, beside the result on standard output. */
  readonly say: (line: string) => void;
  /** Aborted by Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
}

/**
 * Runs a benchmark as a command and ends the process: exit code 0 if it says that all is well, 1 if not, 2 for
 * a command line that makes no sense, 130 when it was stopped.
 */
export async function runBench<Declared extends Options>(
  command: Command<Declared>,
  run: (bench: BenchRun<Declared>) => Promise<boolean>,
): Promise<never> {
  const args = process.argv.slice(2);
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort());
  const say = (line: string): void => console.error(line);
  try {
    const options = readCommand(command, args);
    if (options === null) process.stdout.write(helpText(command));
    const isGood = options === null || (await run({ options, args, say, signal: stopping.signal }));
    process.exitCode = isGood ? 0 : 1;
  } catch (error) {
    process.exitCode = stopping.signal.aborted ? 130 : error instanceof UsageError ? 2 : 1;
    say(stopping.signal.aborted ? 'Stopped' : describeError(error));
  }
  // KafkaJS and the driver may leave a timer behind; everything of ours is closed.
  process.exit();
}
