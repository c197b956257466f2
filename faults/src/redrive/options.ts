import { parseArgs } from 'node:util';
import { EVENT_TYPES } from '@kandle/market/topics';
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

const UNITS_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Reads the arguments. @throws {RangeError} Naming the one that is wrong. */
export function parseRedriveOptions(args: readonly string[], nowMs: number): RedriveOptions {
  const values = parse(args);
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
      sinceMs: values.since === undefined ? undefined : parseSince(values.since, nowMs),
      includeRefused: values['include-refused'] ?? false,
    },
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
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
      },
    }).values;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new RangeError(`Cannot redrive: ${reason}`, { cause: error });
  }
}

function parseSince(text: string, nowMs: number): number {
  const [, count, unit = ''] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  if (count !== undefined) return nowMs - Number(count) * (UNITS_MS[unit] ?? 0);
  const timeMs = Date.parse(text);
  if (Number.isNaN(timeMs))
    throw new RangeError(
      `Cannot redrive: --since ${text} is neither a time nor a length such as 90m, 2h, 3d`,
    );
  return timeMs;
}
