import type { IngestStatus } from '@kandle/stand-in/ingest-process';
import type { SourceStats } from '@kandle/stand-in/kafka-source/source';
import { formatUnits } from './view/format.ts';

/** Where something of a recording may have been lost. */
export interface LossFacts {
  /** What of the recording was not played, in words. */
  readonly leftOut: readonly string[];
  /** Null if ingest does not answer. */
  readonly status: Pick<IngestStatus, 'dropped'> | null;
  /** Refused records by reason. */
  readonly refusals: ReadonlyMap<string, number>;
  readonly deadLetters: number;
  readonly sources: readonly Pick<SourceStats, 'dropped'>[];
}

/** Exit code of a replay that has ended, and of which not everything was counted. */
export const LOSS_EXIT_CODE = 3;

/** What of a recording is in no candle, in words; nothing if all of it is. */
export function lossesOf({ leftOut, status, refusals, deadLetters, sources }: LossFacts): readonly string[] {
  const droppedEvents = sources.reduce((sum, { dropped }) => sum + dropped, 0);
  const droppedRecords = status?.dropped ?? 0;
  return [
    ...leftOut,
    ...[...refusals].map(([reason, count]) => `${formatUnits(count, 'record')} refused: ${reason}`),
    ...(droppedRecords === 0 ? [] : [`${formatUnits(droppedRecords, 'record')} dropped by ingest`]),
    ...(deadLetters === 0 ? [] : [`${formatUnits(deadLetters, 'dead letter')} (npm run redrive)`]),
    ...(droppedEvents === 0 ? [] : [`${formatUnits(droppedEvents, 'event')} dropped by the event sources`]),
  ];
}
