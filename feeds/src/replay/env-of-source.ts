import type { RecordingSource } from '@kandle/market/feed/recording-source';

/**
 * Variables of ingest for a recording's frames, beside the address that they come from. Finnhub's go by the
 * name that a live feed has; others have one of their own, and never mix with a live feed's series.
 */
export function envOfSource({ vendor, mapping }: RecordingSource): Readonly<Record<string, string>> {
  if (vendor === 'finnhub') return { FINNHUB_TOKEN: 'replay' };
  const mapped = vendor === 'ndjson' ? { NDJSON_MAPPING: JSON.stringify(mapping) } : {};
  return { VENDOR: vendor, FEED: `replay-${vendor}`, ...mapped };
}
