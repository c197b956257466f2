import { withDeadline } from './deadline.ts';
import { describeError } from './errors.ts';
import type { Logger } from './log.ts';
import type {
  Instrument,
  MetricAttributes,
  MetricsSdk,
  MetricsSettings,
  RecordValue,
} from './instruments.ts';

/** A sum that only grows. */
export interface Counter {
  add(value: number, attributes?: MetricAttributes): void;
}

/** A counter that counts nothing. */
export const NO_COUNTER: Counter = { add: () => undefined };

/** A distribution of values. */
export interface Histogram {
  record(value: number, attributes?: MetricAttributes): void;
}

/** Makes the instruments of one part of the program. */
export interface Metrics {
  /** @param name In Prometheus' way, `persist_rows_total`. */
  counter(name: string, description: string): Counter;
  /** @param unit In UCUM's way, `s` or `{trade}`; the name carries it too, `function_event_seconds`. */
  histogram(name: string, description: string, unit: string): Histogram;
}

/** The metrics of a process; {@link createMetrics} uses the one of this process. */
export interface MetricsHub {
  metrics(meter: string): Metrics;
  /** Begins to count, if there is an endpoint. What is counted before is not kept. */
  start(settings: MetricsSettings, serviceName: string, log: Logger): void;
  /** Sends the rest within a deadline, and counts no more. Never throws. */
  stop(): Promise<void>;
}

/** How long after the first value the SDK is loaded: by then the event that woke the process is answered. */
const LOAD_DELAY_MS = 1_000;

/**
 * How long the last values may take to be sent: a collector that is away must not hold up the end of a process.
 */
const SEND_DEADLINE_MS = 3_000;

type LoadSdk = (settings: MetricsSettings, serviceName: string, log: Logger) => Promise<MetricsSdk>;

const loadSdk: LoadSdk = async (...args) => (await import('./metrics-sdk.ts')).createMetricsSdk(...args);

/**
 * A hub that counts nothing yet.
 *
 * @param load Loads the SDK; tests pass their own.
 * @param sendDeadlineMs How long the last values may take to be sent.
 */
export function createMetricsHub(load: LoadSdk = loadSdk, sendDeadlineMs = SEND_DEADLINE_MS): MetricsHub {
  /** Null while nothing is counted. */
  let record: RecordValue | null = null;
  /** Sends the rest; null while there is nobody to send to. */
  let finish: MetricsHub['stop'] | null = null;

  return {
    metrics: (meter) => ({
      counter(name, description) {
        const instrument: Instrument = { meter, kind: 'counter', name, description, unit: '' };
        return { add: (value, attributes) => record?.(instrument, value, attributes) };
      },
      histogram(name, description, unit) {
        const instrument: Instrument = { meter, kind: 'histogram', name, description, unit };
        return { record: (value, attributes) => record?.(instrument, value, attributes) };
      },
    }),
    start(settings, serviceName, log) {
      if (settings.OTEL_EXPORTER_OTLP_ENDPOINT === undefined) return;
      const early: Parameters<RecordValue>[] = [];
      let loading: Promise<MetricsSdk> | null = null;

      const loaded = (): Promise<MetricsSdk> =>
        (loading ??= load(settings, serviceName, log).then((sdk) => {
          for (const values of early.splice(0)) sdk.record(...values);
          record = sdk.record;
          return sdk;
        }));

      record = (...values) => {
        if (early.push(values) > 1) return;
        setTimeout(() => {
          loaded().catch((error: unknown) => {
            record = finish = null;
            log.warn(`Cannot load the metrics: ${describeError(error)}`);
          });
        }, LOAD_DELAY_MS).unref();
      };
      finish = async () => {
        if (loading === null && early.length === 0) return;
        try {
          const sdk = await loaded();
          await withDeadline(sdk.shutdown(), sendDeadlineMs, 'no answer');
        } catch (error) {
          log.warn(`Cannot send the last metrics: ${describeError(error)}`);
        }
      };
    },
    async stop() {
      await finish?.();
      record = finish = null;
    },
  };
}

const hub = createMetricsHub();

/**
 * The metrics of one part of this process, such as `transform`. May be called before it is known whether there
 * is anybody to send them to: counting is free until then, and for ever if there is not.
 */
export function createMetrics(meter: string): Metrics {
  return hub.metrics(meter);
}

/** Begins to count in this process, if there is an endpoint: once, at its start. */
export const startMetrics: MetricsHub['start'] = hub.start;

/** Sends the rest at the end of this process, within a deadline. Never throws. */
export const stopMetrics: MetricsHub['stop'] = hub.stop;
