import { z } from 'zod';
import { positiveMs } from './config.ts';

const DEFAULT_INTERVAL_MS = 60_000;

/**
 * OpenTelemetry's own variables, checked here and, but for the interval, read by its SDK. Without an endpoint
 * nothing is counted, and the SDK is not loaded.
 */
export const MetricsEnv = z.object({
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .string()
    .refine(
      (text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol),
      'expected an address that begins with http:// or https://',
    )
    .optional(),
  /** A secret, such as `authorization=Bearer%20…`: set it from a secret reference. */
  OTEL_EXPORTER_OTLP_HEADERS: z.string().optional(),
  OTEL_EXPORTER_OTLP_TIMEOUT: positiveMs.optional(),
  OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: z.enum(['delta', 'cumulative', 'lowmemory']).optional(),
  OTEL_METRIC_EXPORT_INTERVAL: positiveMs.default(DEFAULT_INTERVAL_MS),
  OTEL_SERVICE_NAME: z.string().optional(),
  OTEL_RESOURCE_ATTRIBUTES: z.string().optional(),
});

/** Where metrics go, as read from the environment. */
export type MetricsSettings = z.infer<typeof MetricsEnv>;

/** Labels of a number. Only what has few values: a reason, a type; never a symbol, an id or a shard. */
export type MetricAttributes = Readonly<Record<string, string>>;

/** What an instrument is, told to the SDK once that is loaded. */
export interface Instrument {
  readonly meter: string;
  readonly kind: 'counter' | 'histogram';
  readonly name: string;
  readonly description: string;
  readonly unit: string;
}

/** Takes one value of an instrument. */
export type RecordValue = (instrument: Instrument, value: number, attributes?: MetricAttributes) => void;

/** The loaded SDK. */
export interface MetricsSdk {
  readonly record: RecordValue;
  /** Sends what was counted since the last time, once, and ends. @throws {Error} If it was not taken. */
  readonly shutdown: () => Promise<void>;
}
