import type { OpenAPIHono } from '@hono/zod-openapi';
import type { ConsolePage } from '../console-page.ts';
import type { RejectReader } from '../rejects/reject-reader.ts';
import type { QueryStore } from '../store.ts';
import type { Streams } from '../stream/stream-response.ts';

/** What the routes are made of. */
export interface RouteDeps {
  readonly store: QueryStore;
  readonly streams: Streams;
  readonly refused: RejectReader;
  readonly maxStreams: number;
  readonly wallMs: () => number;
  /** The console; null where it is not served. */
  readonly page: ConsolePage | null;
}

/** Adds its own paths to the application. */
export type AddRoute = (app: OpenAPIHono, deps: RouteDeps) => void;
