import { EVENT_TYPES } from '@kandle/market/event/topics';
import {
  defineCommand,
  flag,
  helpText,
  option,
  readCommand,
  text,
  time,
  UsageError,
} from '@kandle/tooling/command';
import type { Filter } from './select.ts';

/** What `npm run redrive` was asked for. */
export interface RedriveOptions {
  readonly dryRun: boolean;
  readonly yes: boolean;
  /** Refused records instead of dead letters. */
  readonly rejects: boolean;
  /** Every letter with its reason and the beginning of its body. */
  readonly show: boolean;
  readonly filter: Filter;
  /** Data folder of the stack whose servers are used; null for that of `npm start`. */
  readonly folder: string | null;
  /** What stands before the topics' names. */
  readonly prefix: string;
}

const COMMAND = defineCommand({
  name: 'npm run redrive',
  about: `Lists the dead letters of market.dead.v1 by reason, and sends them again, once, to the topics that they came from,
as they were before they were given up. What was sent again is entered in market.redriven.v1 and not sent twice.
Letters that a function refused for ever (4xx: poison) are listed only: as they are they would come back.

With --rejects the same for records that were refused for their time alone (too_late, too_far_ahead), after a fix: they
go to market.raw.v1 in batches of their own, which nothing is too late for.`,
  options: {
    'dry-run': flag('list, send nothing'),
    show: flag('list every letter with its reason, not only their numbers'),
    yes: flag('do not ask before sending'),
    rejects: flag('refused records of market.rejects.v1 instead of dead letters; needs --reason to send'),
    reason: option(
      'TEXT',
      'only those whose reason contains TEXT, or whose status is TEXT (503, none); with --rejects, whose reason is TEXT',
      text,
    ),
    type: option('TYPE', `only events of this type, such as ${EVENT_TYPES.trades}`, text),
    dest: option('NAME', 'only those that this function did not take, such as aggregate', text),
    id: option('ID', 'only the event of this id', text),
    since: option('TIME', 'only those given up since then: 2026-11-25T06:00:00Z, or 90m, 2h, 3d ago', time),
    'include-refused': flag('send those refused for ever too (after the function was mended)'),
    data: option(
      'FOLDER',
      'use the servers of the stack running in this data folder, not .kandle/data',
      text,
    ),
    prefix: option(
      'TEXT',
      "what stands before the topics' names, where several pipelines share a Kafka",
      text,
    ),
  },
  notes: `It uses the servers of a running "npm start". With KAFKA_BROKERS in the environment (and the other KAFKA_ variables
of the functions) it uses those instead. Sending needs market.redriven.v1, which the manifests create.`,
});

/** The text of `npm run redrive -- --help`. */
export const HELP: string = helpText(COMMAND);

/** Reads the arguments; null if only the help is wanted. @throws {UsageError} Naming the one that is wrong. */
export function parseRedriveOptions(args: readonly string[], wallMs: number): RedriveOptions | null {
  const values = readCommand(COMMAND, args, wallMs);
  if (values === null) return null;
  if (values.rejects && (values.type ?? values.dest) !== null)
    throw new UsageError('--type and --dest are for dead letters, not for --rejects');
  return {
    dryRun: values['dry-run'],
    yes: values.yes,
    rejects: values.rejects,
    show: values.show,
    folder: values.data,
    prefix: values.prefix ?? '',
    filter: {
      reason: values.reason ?? undefined,
      type: values.type ?? undefined,
      destination: values.dest ?? undefined,
      id: values.id ?? undefined,
      sinceMs: values.since ?? undefined,
      includeRefused: values['include-refused'],
    },
  };
}
