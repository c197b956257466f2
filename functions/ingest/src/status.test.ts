import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { createMetrics } from './metrics.ts';
import type { IngestStatus } from './ingest-status.ts';
import { createStatusServer } from './status.ts';

test('answers liveness, readiness and status', async () => {
  const state = { connected: false, ended: false };
  const server = createStatusServer(
    (): IngestStatus => ({
      feed: 'finnhub',
      epoch: 1,
      away: null,
      market: 'open',
      connection: 1,
      subscribed: [],
      refused: [],
      priceOnly: [],
      symbols: 1,
      ...createMetrics(),
      duplicates: 3,
      buffered: 0,
      drained: false,
      shards: { 'finnhub-00': { watermarkMs: null, sequence: 0 } },
      ...state,
    }),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const codeOf = async (path: string, method = 'GET') => (await fetch(base + path, { method })).status;
  try {
    expect(await codeOf('/health/liveness')).toBe(204);
    expect(await codeOf('/health/readiness')).toBe(503);
    state.connected = true;
    expect(await codeOf('/health/readiness')).toBe(204);
    expect(await (await fetch(`${base}/status`)).json()).toMatchObject({ feed: 'finnhub', connected: true });
    const metrics = await fetch(`${base}/metrics`);
    expect(metrics.headers.get('content-type')).toContain('text/plain; version=0.0.4');
    const lines = (await metrics.text()).split('\n');
    expect(lines).toContain('# TYPE ingest_duplicates_total counter');
    expect(lines).toContain('ingest_duplicates_total{feed="finnhub"} 3');
    expect(lines).toContain('ingest_connected{feed="finnhub"} 1');
    expect(await codeOf('/other')).toBe(404);
    expect(await codeOf('/status', 'POST')).toBe(405);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
