import type { FormatName } from '@kandle/market/feed/format-name';
import type { CountingRules } from '@kandle/market/trade/counting-rules';
import { isSampled, type NdjsonMapping } from '@kandle/market/feed/ndjson/mapping';
import type { Vendor } from '@kandle/market/feed/vendor';

/** What is known of a vendor beside its protocol. */
export interface VendorFacts {
  /** Where it is; null if only the user knows. */
  readonly url: string | null;
  /** How its address begins. */
  readonly schemes: readonly string[];
  /** The variable with the key, or, with `_FILE` after it, with a file that holds it; null if it needs none. */
  readonly keyName: 'FINNHUB_TOKEN' | 'TWELVEDATA_KEY' | null;
  /** Most symbols of a connection, where the vendor drops more without a word. */
  readonly maxSymbols: number | null;
  /**
   * How far behind the newest event time entries still come in order, milliseconds; of one that is asked from
   * time to time, beside the time between two questions.
   */
  readonly disorderMs: number;
  /** True if it is asked every `POLL_MS`, and says nothing by itself. */
  readonly isPolled: boolean;
  /** In what form its records are written down. */
  readonly formatOf: (mapping: NdjsonMapping) => FormatName;
  /** By which rules its trades count, where nothing else is set. */
  readonly rules: CountingRules;
}

const SOCKETS = ['ws:', 'wss:'];
/** How the address of a topic of Kafka begins. */
export const TOPIC_SCHEME = 'kafka:';

/** What is known of each vendor. */
export const VENDOR_FACTS: Readonly<Record<Vendor, VendorFacts>> = {
  finnhub: {
    url: 'wss://ws.finnhub.io',
    schemes: SOCKETS,
    keyName: 'FINNHUB_TOKEN',
    maxSymbols: null,
    disorderMs: 1_000,
    isPolled: false,
    formatOf: () => 'finnhub',
    rules: 'us-tape',
  },
  twelvedata: {
    url: 'wss://ws.twelvedata.com/v1/quotes/price',
    schemes: SOCKETS,
    keyName: 'TWELVEDATA_KEY',
    maxSymbols: null,
    // Its times are whole seconds.
    disorderMs: 2_000,
    isPolled: false,
    formatOf: () => 'samples',
    rules: 'all',
  },
  yahoo: {
    url: 'wss://streamer.finance.yahoo.com/?version=2',
    schemes: SOCKETS,
    keyName: null,
    maxSymbols: 100,
    disorderMs: 2_000,
    isPolled: false,
    formatOf: () => 'samples',
    rules: 'all',
  },
  'yahoo-poll': {
    url: 'https://query1.finance.yahoo.com',
    schemes: ['https:', 'http:'],
    keyName: null,
    maxSymbols: null,
    disorderMs: 2_000,
    isPolled: true,
    formatOf: () => 'samples',
    rules: 'all',
  },
  ndjson: {
    url: null,
    schemes: ['tcp:', 'tls:', 'tcp-listen:', 'tls-listen:', TOPIC_SCHEME],
    keyName: null,
    maxSymbols: null,
    disorderMs: 1_000,
    isPolled: false,
    formatOf: (mapping) => (isSampled(mapping) ? 'samples' : 'trades'),
    rules: 'all',
  },
};
