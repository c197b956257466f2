import { originOf } from './origin.ts';
import type { Judged } from './redrive.ts';
import type { JudgedReject } from './rejects.ts';

const MAX_REASON = 160;

/** The lines of a listing by reason: how many, of what, and what becomes of them. */
export function listByReason(judged: readonly Judged[]): readonly string[] {
  if (judged.length === 0) return ['There are no dead letters that match.'];
  const groups = Map.groupBy(judged, ({ letter, fate }) =>
    JSON.stringify([letter.destination, letter.type, letter.status, withoutNumbers(letter.reason), fate]),
  );
  return [...groups.values()]
    .toSorted((a, b) => b.length - a.length)
    .flatMap((group) => {
      const [first] = group;
      const last = group.at(-1);
      if (first === undefined || last === undefined) return [];
      const { letter, fate } = first;
      const times = group.length === 1 ? timeOf(first) : `${timeOf(first)} to ${timeOf(last)}`;
      const origin = originOf(letter);
      return [
        `${group.length} × ${letter.destination || 'somebody'} did not take ${letter.type || 'a record'} (${times})`,
        `    ${letter.status ?? 'no answer'} ${letter.reason.slice(0, MAX_REASON)}`.trimEnd(),
        `    ${fate === 'send' ? `goes to ${origin}` : fate}; for example ${letter.id}`,
      ];
    });
}

/** A line for every letter. */
export function listEach(judged: readonly Judged[]): readonly string[] {
  return judged.map(
    (one) =>
      `${timeOf(one)} ${one.letter.partition}:${one.letter.offset} ${one.letter.destination} ${one.letter.type} ${one.letter.id} ` +
      `${one.letter.status ?? 'no answer'} ${one.letter.reason.slice(0, MAX_REASON)} [${one.fate}]`,
  );
}

/** Reasons that differ only in an id or an offset are one kind. */
function withoutNumbers(reason: string): string {
  return reason.replaceAll(/\d+/g, 'N');
}

function timeOf({ letter }: Judged): string {
  return new Date(letter.givenUpMs).toISOString();
}

/** The lines of a listing of refused records by reason: how many, of what, and what becomes of them. */
export function listRejectsByReason(judged: readonly JudgedReject[]): readonly string[] {
  if (judged.length === 0) return ['There are no refused records that match.'];
  const groups = Map.groupBy(judged, ({ reject, fate }) => `${reject.reason} ${fate}`);
  return [...groups.values()]
    .toSorted((a, b) => b.length - a.length)
    .flatMap((group) => {
      const [first] = group;
      const last = group.at(-1);
      if (first === undefined || last === undefined) return [];
      const { reject, fate } = first;
      const [from, to] = [timeOfReject(first), timeOfReject(last)];
      return [
        `${group.length} × ${reject.reason} (${from === to ? from : `${from} to ${to}`})`,
        `    ${reject.detail.slice(0, MAX_REASON)}`.trimEnd(),
        `    ${fate === 'send' ? 'goes to market.raw.v1' : fate}; for example ${reject.id}`,
      ];
    });
}

/** A line for every refused record. */
export function listEachReject(judged: readonly JudgedReject[]): readonly string[] {
  return judged.map(
    (one) =>
      `${timeOfReject(one)} ${one.reject.id} ${one.reject.reason} ${one.reject.detail.slice(0, MAX_REASON)} [${one.fate}]`,
  );
}

function timeOfReject({ reject }: JudgedReject): string {
  return new Date(reject.refusedMs).toISOString();
}
