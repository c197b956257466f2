/** The topics of a stream, by the names that a client sees. */
export const STREAM_TOPICS = ['candles', 'signals'] as const;
export type StreamTopic = (typeof STREAM_TOPICS)[number];

/** The next offset of each partition, by topic: what comes from there on has not been sent yet. */
export type Positions = Readonly<Record<StreamTopic, readonly bigint[]>>;

/** Most partitions of a topic that an id is read for. */
const MAX_PARTITIONS = 1_000;

/**
 * The id of a stream's event: where the stream stands in every partition, so that it can be resumed by this
 * alone, `candles=12,99,0;signals=4,5,0`. One partition's offset would not do: what the others had meanwhile
 * would be lost.
 */
export function formatPositions(positions: Positions): string {
  return STREAM_TOPICS.map((topic) => `${topic}=${positions[topic].join(',')}`).join(';');
}

/** Reads an id; null if it is none. */
export function parsePositions(text: string): Positions | null {
  const [, candles, signals] = /^candles=([\d,]*);signals=([\d,]*)$/.exec(text) ?? [];
  if (candles === undefined || signals === undefined) return null;
  const [ofCandles, ofSignals] = [readOffsets(candles), readOffsets(signals)];
  return ofCandles === null || ofSignals === null ? null : { candles: ofCandles, signals: ofSignals };
}

function readOffsets(text: string): readonly bigint[] | null {
  const parts = text === '' ? [] : text.split(',');
  if (parts.length > MAX_PARTITIONS || !parts.every((part) => /^\d{1,18}$/.test(part))) return null;
  return parts.map(BigInt);
}
