import { hostname } from 'node:os';
import type { Counter, Histogram } from '@opentelemetry/api';
import {
  AggregationTemporalityPreference,
  OTLPMetricExporter,
} from '@opentelemetry/exporter-metrics-otlp-http';
import {
  defaultResource,
  detectResources,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { describeError } from './errors.ts';
import type { Logger } from './log.ts';
import type { Instrument, MetricsSdk, MetricsSettings } from './instruments.ts';

/** From one millisecond to a minute: a function answers within the 60 s that it is given. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const COUNTS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000];

/**
 * OpenTelemetry's SDK with its OTLP exporter over HTTP. In a file of its own, because it is loaded only when
 * there is somebody to send to, and then after the first answer.
 */
export async function createMetricsSdk(
  settings: MetricsSettings,
  serviceName: string,
  log: Logger,
): Promise<MetricsSdk> {
  const temporality = settings.OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE;
  const exporter = new ReportingExporter(
    // Delta unless told otherwise: docs/decisions/2026-11-25-metrics.md.
    temporality === undefined ? { temporalityPreference: AggregationTemporalityPreference.DELTA } : {},
    log,
  );
  const provider = new MeterProvider({
    resource: defaultResource()
      .merge(
        resourceFromAttributes({
          'service.name': serviceName,
          'service.namespace': 'kandle',
          // A pod's name is its own; on a laptop all processes share the host's.
          'service.instance.id': `${hostname()}:${process.pid}`,
        }),
      )
      .merge(detectResources({ detectors: [resourceAttributesEnvDetector] })),
    readers: [
      new PeriodicExportingMetricReader({
        exporter,
        exportIntervalMillis: settings.OTEL_METRIC_EXPORT_INTERVAL,
      }),
    ],
  });
  const instruments = new Map<Instrument, Counter | Histogram>();

  function instrumentOf(instrument: Instrument): Counter | Histogram {
    const known = instruments.get(instrument);
    if (known !== undefined) return known;
    const { name, description, unit } = instrument;
    const meter = provider.getMeter(instrument.meter);
    const made =
      instrument.kind === 'counter'
        ? meter.createCounter(name, { description })
        : meter.createHistogram(name, {
            description,
            unit,
            advice: { explicitBucketBoundaries: unit === 's' ? SECONDS : COUNTS },
          });
    instruments.set(instrument, made);
    return made;
  }

  return {
    record(instrument, value, attributes) {
      const target = instrumentOf(instrument);
      if ('add' in target) target.add(value, attributes);
      else target.record(value, attributes);
    },
    async shutdown() {
      await provider.shutdown();
      if (exporter.fault !== null) throw new Error(exporter.fault);
    },
  };
}

/** Says in the log when sending begins to fail and when it works again: the SDK itself says nothing. */
class ReportingExporter extends OTLPMetricExporter {
  fault: string | null = null;
  readonly #log: Logger;

  constructor(config: ConstructorParameters<typeof OTLPMetricExporter>[0], log: Logger) {
    super(config);
    this.#log = log;
  }

  override export(...[metrics, done]: Parameters<OTLPMetricExporter['export']>): void {
    super.export(metrics, (result) => {
      const fault = result.error === undefined ? null : describeError(result.error);
      if (fault !== null && this.fault === null) this.#log.warn(`Cannot send metrics: ${fault}`);
      if (fault === null && this.fault !== null) this.#log.info('metrics are sent again');
      this.fault = fault;
      done(result);
    });
  }
}
