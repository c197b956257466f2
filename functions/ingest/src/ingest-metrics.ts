import { Counter, Gauge, Registry } from 'prom-client';
import type { IngestStatus } from './ingest-status.ts';

type Read = (status: IngestStatus) => number;

/** What only grows since the process started. */
const COUNTERS: readonly (readonly [name: string, help: string, read: Read])[] = [
  ['ingest_frames_total', 'Frames of the feed', (status) => status.frames],
  ['ingest_refused_frames_total', 'Frames passed over: too long', (status) => status.refusedFrames],
  [
    'ingest_repeated_frames_total',
    'Data frames that were the very same as the one before them',
    (status) => status.repeatedFrames,
  ],
  ['ingest_records_total', 'Entries of trade frames', (status) => status.records],
  ['ingest_trades_total', 'Entries accepted, each with its id', (status) => status.accepted],
  ['ingest_duplicates_total', 'Entries dropped: known already from before', (status) => status.duplicates],
  ['ingest_rejects_total', 'Refused entries and frames', (status) => status.rejected],
  ['ingest_rejects_lost_total', 'Rejects of which only this number is left', (status) => status.rejectsLost],
  [
    'ingest_dropped_records_total',
    'Accepted entries given up: the buffer was full',
    (status) => status.dropped,
  ],
  ['ingest_gaps_total', 'Gaps of the feed, per shard', (status) => status.gaps],
  [
    'ingest_unreadable_batches_total',
    'Batches of the raw topic that could not be read at start',
    (status) => status.unreadableBatches,
  ],
  ['ingest_price_updates_total', 'Entries with a volume of 0', (status) => status.priceUpdates],
  [
    'ingest_last_known_prices_total',
    'First prices of a connection that were old, and are in no candle',
    (status) => status.lastKnown,
  ],
  ['ingest_batches_total', 'Batches acknowledged by Kafka', (status) => status.batches],
  ['ingest_sent_records_total', 'Entries acknowledged by Kafka', (status) => status.sentRecords],
  ['ingest_send_retries_total', 'Sends that failed and were tried again', (status) => status.retries],
  ['ingest_books_total', 'Order books taken', (status) => status.books],
  [
    'ingest_books_coalesced_total',
    'Order books that a newer one of the symbol overtook',
    (status) => status.booksCoalesced,
  ],
  ['ingest_news_total', 'News taken', (status) => status.news],
  ['ingest_news_dropped_total', 'News given up: too much waited', (status) => status.newsDropped],
  ['ingest_connections_total', 'Connections to the feed', (status) => status.connection],
];

const GAUGES: readonly (readonly [name: string, help: string, read: Read])[] = [
  ['ingest_buffered_records', 'Accepted entries not yet acknowledged', (status) => status.buffered],
  ['ingest_waiting_records', 'Entries whose time nothing has confirmed yet', (status) => status.waiting],
  ['ingest_remembered_trades', 'Trades recognised if they came again', (status) => status.remembered],
  ['ingest_refused_symbols', 'Symbols that do not come: refused', (status) => status.refused.length],
  [
    'ingest_price_only_symbols',
    'Symbols that have come with a volume of 0 only',
    (status) => status.priceOnly.length,
  ],
  ['ingest_connected', '1 while connected to the feed', (status) => Number(status.connected)],
];

/** The metrics of ingest for Prometheus, read from its status when they are asked for. */
export function createIngestMetrics(status: () => IngestStatus): Registry {
  const registry = new Registry();
  for (const [name, help, read] of COUNTERS) {
    const counter = new Counter({
      name,
      help,
      registers: [],
      collect() {
        this.reset();
        this.inc(read(status()));
      },
    });
    registry.registerMetric(counter);
  }
  for (const [name, help, read] of GAUGES) {
    const gauge = new Gauge({
      name,
      help,
      registers: [],
      collect() {
        this.set(read(status()));
      },
    });
    registry.registerMetric(gauge);
  }
  registry.setDefaultLabels({ feed: status().feed });
  return registry;
}
