import { createCoverage } from '@kandle/market/backfill/coverage';
import { isEventTime } from '@kandle/market/event/event-time';
import { shardOf } from '@kandle/market/event/shard';
import { readSymbol } from '@kandle/market/event/symbol';
import { readFeedRecord } from '@kandle/market/feed/feed-record';
import { recordFormat } from '@kandle/market/feed/formats';
import type { FormatName } from '@kandle/market/feed/format-name';
import type { VendorRecord } from '@kandle/market/feed/record-format';
import { createSamples } from '@kandle/market/feed/sample/samples';
import { frameReader, type Vendor } from '@kandle/market/feed/vendor';
import { readRecording, surveyRecording, type RecordingFiles } from '@kandle/feeds/replay/replay-recording';
import { FatalError, RetryableError } from '@kandle/runtime/errors';
import { type History, type HistoryQuestion, MAX_HISTORY_RECORDS } from './history.ts';

/** In which form a vendor's records are written down; null where its mapping decides. */
const VENDOR_FORMATS: Readonly<Record<Vendor, FormatName | null>> = {
  finnhub: 'finnhub',
  twelvedata: 'samples',
  yahoo: 'samples',
  'yahoo-poll': 'samples',
  ndjson: null,
};

/** Which recording, and whose symbols stand in which shard. */
export interface RecordingOptions {
  readonly files: RecordingFiles;
  readonly feed: string;
  readonly shardCount: number;
  /** How the feed's records are read. */
  readonly format: FormatName | undefined;
  /** Most trades of all gaps together that are held. */
  readonly maxTrades: number;
}

/**
 * A recording of the feed (`npm run record`) as a history. It is read once for all gaps that are asked for
 * together, for one of a day is long.
 *
 * @throws {FatalError} If the file is no recording.
 */
export async function readRecordingHistory(
  { files, feed, shardCount, format: name, maxTrades }: RecordingOptions,
  questions: readonly HistoryQuestion[],
): Promise<History> {
  const { source } = await surveyRecording(files);
  const told = VENDOR_FORMATS[source.vendor];
  if (told !== null && told !== (name ?? 'finnhub'))
    throw new FatalError(
      `Cannot backfill: the recording is of ${source.vendor}, and ${feed} is a feed of another kind`,
    );
  const format = recordFormat(name);
  const readFrame = frameReader(source.vendor, source.mapping);
  const samples = format.isSampled ? createSamples() : null;
  const coverage = createCoverage();
  const found = new Map(questions.map((question) => [keyOf(question), [] as VendorRecord[]]));
  // Gaps of several reasons may be of one stretch: that is asked for once.
  const stretches = new Map(questions.map((question) => [keyOf(question), question]));
  const byShard = Map.groupBy(stretches.values(), ({ shard }) => shard);
  let held = 0;

  for await (const { recvMs, text } of readRecording(files, source)) {
    const frame = readFrame(text);
    const trades: { readonly symbol: string; readonly eventTimeMs: number }[] = [];
    for (const entry of frame.kind === 'trade' ? frame.entries : []) {
      const sample = samples?.read(entry, recvMs) ?? { kind: 'sample', record: entry };
      if (sample.kind !== 'sample') continue;
      const read = readFeedRecord(sample.record);
      if (read.kind === 'bad') continue;
      const seen = format.seeTrade(read.record);
      const symbol = readSymbol(seen.symbol);
      const { eventTimeMs } = seen;
      if (symbol === null || !isEventTime(eventTimeMs)) continue;
      trades.push({ symbol, eventTimeMs });
      for (const question of byShard.get(shardOf(feed, symbol, shardCount)) ?? []) {
        if (eventTimeMs < question.fromMs || eventTimeMs > question.toMs) continue;
        const records = found.get(keyOf(question));
        if ((records?.push(read.record) ?? 0) > MAX_HISTORY_RECORDS)
          throw new RetryableError(
            `Cannot backfill: the recording has more than ${MAX_HISTORY_RECORDS} trades of one gap`,
          );
        held += 1;
        if (held > maxTrades)
          throw new RetryableError(
            `Cannot backfill: the recording has more than ${maxTrades} trades of these gaps; take fewer at once with --since, --until or --gap`,
          );
      }
    }
    coverage.see({ recvMs, trades });
  }

  return {
    source: 'recording',
    read(question) {
      const missing = [...question.symbols].filter((symbol) => coverage.spansOf(symbol).length === 0);
      const some = `${missing.slice(0, 5).join(', ')}${missing.length > 5 ? ', …' : ''}`;
      return Promise.resolve({
        records: found.get(keyOf(question)) ?? [],
        covered: coverage.spansOf,
        hasFailed: false,
        note: missing.length === 0 ? '' : `the recording does not have, or has delayed: ${some}`,
      });
    },
  };
}

function keyOf({ shard, fromMs, toMs }: HistoryQuestion): string {
  return `${shard} ${fromMs} ${toMs}`;
}
