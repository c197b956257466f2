import { FINNHUB } from './finnhub/format.ts';
import type { FormatName } from './format-name.ts';
import type { RecordFormat } from './record-format.ts';

const FORMATS: Readonly<Record<FormatName, RecordFormat>> = { finnhub: FINNHUB };

/** How the records of a raw batch are read. Batches that do not say so are Finnhub's: it was the first. */
export function recordFormat(name: FormatName = 'finnhub'): RecordFormat {
  return FORMATS[name];
}
