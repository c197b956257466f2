import type { Line } from '@kandle/market/feed/ndjson/lines';
import { createSecretFile } from '@kandle/runtime/secret';
import type { IngestConfig } from '../../config.ts';
import type { Feed, FeedHandlers, FeedParts } from '../feed.ts';
import { mendOptions } from '../line/mend-options.ts';
import { createMendedFeed } from '../line/mended-feed.ts';
import { tcpLine } from '../line/tcp-line.ts';
import { TOPIC_SCHEME } from '../vendors.ts';
import { connectTopic } from '../topic/connect-topic.ts';
import { frameOfLine } from './line-frame.ts';
import { createListeningFeed } from './listening-feed.ts';

/**
 * A feed of JSON lines over TCP, as the configuration asks for it: we dial, or we listen; or of a topic of
 * Kafka.
 *
 * @throws {FatalError} If a certificate cannot be read.
 */
export function connectNdjson(config: IngestConfig, handlers: FeedHandlers, parts: FeedParts): Feed {
  const { MAX_LINE_BYTES: maxLineBytes, NDJSON_MAPPING: mapping } = config;
  const url = new URL(config.FEED_URL);
  if (url.protocol === TOPIC_SCHEME) return connectTopic(config, handlers, parts);
  const read = (line: Line) => frameOfLine(line, mapping);
  const mend = mendOptions(config, parts);
  if (!url.protocol.endsWith('-listen:')) {
    const { TLS_CA_FILE: caFile } = config;
    const ca = caFile === undefined ? undefined : createSecretFile(caFile, 'TLS_CA_FILE');
    return createMendedFeed(tcpLine({ url, maxLineBytes, ca, read }), mend, handlers);
  }
  const certificate = url.protocol === 'tls-listen:' ? certificateOf(config) : null;
  const { silenceMs, hasStoodStill, log } = mend;
  const { MAX_CONNECTIONS: maxConnections, RECONNECT_MAX_MS: retryMs } = config;
  const options = {
    url,
    certificate,
    maxLineBytes,
    maxConnections,
    silenceMs,
    retryMs,
    hasStoodStill,
    read,
    log,
  };
  return createListeningFeed(options, handlers);
}

function certificateOf({ TLS_CERT_FILE: certFile = '', TLS_KEY_FILE: keyFile = '' }: IngestConfig) {
  const cert = createSecretFile(certFile, 'TLS_CERT_FILE');
  const key = createSecretFile(keyFile, 'TLS_KEY_FILE');
  return () => ({ cert: cert(), key: key() });
}
