import { EVENT_TYPES } from '@kandle/market/event/topics';
import { parseTime, readOptions } from '@kandle/tooling/command-line';
import type { Filter } from './select.ts';

/** What `npm run redrive` was asked for. */
export interface RedriveOptions {
  readonly help: boolean;
  readonly dryRun: boolean;
  readonly yes: boolean;
  /** Every letter with its reason and the beginning of its body. */
  readonly show: boolean;
  readonly filter: Filter;
  /** Data folder of the stack whose servers are used; null for that of `npm start`. */
  readonly folder: string | null;
}

/** The text of `npm run redrive -- --help`. */
export const HELP = `Usage: npm run redrive [-- options]

Lists the dead letters of market.dead.v1 by reason, and sends them again, once, to the topics that they came from,
as they were before they were given up. What was sent again is entered in market.redriven.v1 and not sent twice.
Letters that a function refused for ever (4xx: poison) are listed only: as they are they would come back.

  --dry-run              list, send nothing
  --show                 list every letter with its reason, not only their numbers
  --yes                  do not ask before sending
  --reason TEXT          only those whose reason contains TEXT, or whose status is TEXT (503, none)
  --type TYPE            only events of this type, such as ${EVENT_TYPES.trades}
  --dest NAME            only those that this function did not take, such as aggregate
  --id ID                only the event of this id
  --since TIME           only those given up since then: 2026-11-25T06:00:00Z, or 90m, 2h, 3d ago
  --include-refused      send those refused for ever too (after the function was mended)
  --data FOLDER          use the servers of the stack running in this data folder (default .kandle/data)
  --help                 this text

It uses the servers of a running "npm start". With KAFKA_BROKERS in the environment (and the other KAFKA_ variables
of the functions) it uses those instead. Sending needs market.redriven.v1, which the manifests create.
`;

/** Reads the arguments. @throws {UsageError} Naming the one that is wrong. */
export function parseRedriveOptions(args: readonly string[], nowMs: number): RedriveOptions {
  const values = readOptions('npm run redrive', args, {
    help: { type: 'boolean' },
    'dry-run': { type: 'boolean' },
    yes: { type: 'boolean' },
    show: { type: 'boolean' },
    'include-refused': { type: 'boolean' },
    reason: { type: 'string' },
    type: { type: 'string' },
    dest: { type: 'string' },
    id: { type: 'string' },
    since: { type: 'string' },
    data: { type: 'string' },
  });
  return {
    help: values.help ?? false,
    dryRun: values['dry-run'] ?? false,
    yes: values.yes ?? false,
    show: values.show ?? false,
    folder: values.data ?? null,
    filter: {
      reason: values.reason,
      type: values.type,
      destination: values.dest,
      id: values.id,
      sinceMs: values.since === undefined ? undefined : parseTime('since', values.since, nowMs),
      includeRefused: values['include-refused'] ?? false,
    },
  };
}
