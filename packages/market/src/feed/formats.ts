import { FINNHUB } from './finnhub/format.ts';
import type { FormatName } from './format-name.ts';
import { MAPPED_TRADES } from './ndjson/format.ts';
import type { RecordFormat } from './record-format.ts';
import { SAMPLES } from './sample/format.ts';

const FORMATS: Readonly<Record<FormatName, RecordFormat>> = {
  finnhub: FINNHUB,
  trades: MAPPED_TRADES,
  samples: SAMPLES,
};

/** How the records of a raw batch are read. Batches that do not say so are Finnhub's: it was the first. */
export function recordFormat(name: FormatName = 'finnhub'): RecordFormat {
  return FORMATS[name];
}
