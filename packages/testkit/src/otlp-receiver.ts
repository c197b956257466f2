import { once } from 'node:events';
import { createServer } from 'node:http';

/** One data point as it was sent. */
export interface ReceivedPoint {
  readonly service: string;
  readonly name: string;
  readonly unit: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** A counter's sum; for a histogram the number of values. */
  readonly value: number;
  /** A histogram's sum of values. */
  readonly sum: number | undefined;
  readonly isDelta: boolean;
}

/** A collector of metrics that keeps what it is sent. */
export interface OtlpReceiver {
  /** For `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly url: string;
  readonly points: () => readonly ReceivedPoint[];
  /** The headers of each request. */
  readonly headers: () => readonly NodeJS.Dict<string | string[]>[];
  readonly close: () => Promise<void>;
}

/** How the receiver behaves: takes everything, or reads and never answers. */
export type ReceiverManner = 'takes' | 'hangs';

/** Receives OTLP metrics over HTTP as JSON, on 127.0.0.1. */
export async function startOtlpReceiver(manner: ReceiverManner = 'takes'): Promise<OtlpReceiver> {
  const points: ReceivedPoint[] = [];
  const headers: NodeJS.Dict<string | string[]>[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      headers.push(request.headers);
      if (manner === 'hangs') return;
      if (request.url !== '/v1/metrics') {
        response.writeHead(404).end();
        return;
      }
      points.push(...pointsOf(JSON.parse(Buffer.concat(parts).toString())));
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    points: () => points,
    headers: () => headers,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

interface Named {
  readonly key: string;
  readonly value: { readonly stringValue?: string };
}

interface Point {
  readonly attributes: readonly Named[];
  readonly asInt?: string | number;
  readonly asDouble?: number;
  readonly count?: string | number;
  readonly sum?: number;
}

interface Body {
  readonly resourceMetrics: readonly {
    readonly resource: { readonly attributes: readonly Named[] };
    readonly scopeMetrics: readonly {
      readonly metrics: readonly {
        readonly name: string;
        readonly unit: string;
        readonly sum?: { readonly aggregationTemporality: number; readonly dataPoints: readonly Point[] };
        readonly histogram?: {
          readonly aggregationTemporality: number;
          readonly dataPoints: readonly Point[];
        };
      }[];
    }[];
  }[];
}

/** OTLP's number for a sum since the last time. */
const DELTA = 1;

function* pointsOf(body: Body): Generator<ReceivedPoint> {
  for (const { resource, scopeMetrics } of body.resourceMetrics) {
    const service = textOf(resource.attributes)['service.name'] ?? '';
    for (const { name, unit, sum, histogram } of scopeMetrics.flatMap(({ metrics }) => metrics)) {
      const data = sum ?? histogram;
      for (const point of data?.dataPoints ?? []) {
        yield {
          service,
          name,
          unit,
          attributes: textOf(point.attributes),
          value: Number(point.asInt ?? point.asDouble ?? point.count),
          sum: point.sum,
          isDelta: data?.aggregationTemporality === DELTA,
        };
      }
    }
  }
}

function textOf(attributes: readonly Named[]): Record<string, string> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue ?? '']));
}
