import { withDeadline } from '@kandle/runtime/deadline';
import { describeError } from '@kandle/runtime/errors';
import type { Logger } from '@kandle/runtime/log';
import { Counter, Gauge, Registry } from 'prom-client';
import type { Collector, GaugeSpec, Sample } from './collector.ts';

/** What is known now, as Prometheus reads it. */
export interface Board {
  /** Asks every collector once; never throws. Numbers that cannot be read again stay for a while. */
  collect(): Promise<void>;
  /** The text of `/metrics`, from memory: no server is asked. */
  render(): Promise<string>;
  readonly contentType: string;
  /** True once every collector was asked, whatever it answered. */
  isReady(): boolean;
}

/** How a board behaves. Durations in milliseconds. */
export interface BoardOptions {
  /** How long a number is shown that could not be read again. */
  readonly staleMs: number;
  /** How long a collector may take. */
  readonly deadlineMs: number;
  /** Wall clock, epoch milliseconds. */
  readonly nowMs: () => number;
  readonly log: Logger;
}

interface Known {
  readonly samples: readonly Sample[];
  readonly atMs: number;
  /** Undefined if the newest try worked. */
  readonly fault: string | undefined;
}

const NOTHING: Known = { samples: [], atMs: 0, fault: undefined };

/** A board of collectors that were not asked yet. */
export function createBoard(collectors: readonly Collector[], options: BoardOptions): Board {
  const { staleMs, deadlineMs, nowMs, log } = options;
  const known = new Map<Collector, Known>();
  const registry = new Registry();
  const gauges = new Map<string, Gauge | Counter>();

  function addGauge(name: string, { help, labels, isCounter }: GaugeSpec): void {
    const options = { name, help, labelNames: labels, registers: [registry] };
    gauges.set(name, isCounter ? new Counter(options) : new Gauge(options));
  }

  addGauge('kandle_up', { help: '1 if a server answered the last time, by server', labels: ['part'] });
  addGauge('kandle_collector_up', {
    help: '1 if its numbers could be read the last time',
    labels: ['collector'],
  });
  addGauge('kandle_collected_timestamp_seconds', {
    help: 'When its numbers were read',
    labels: ['collector'],
  });
  for (const { gauges: specs } of collectors) {
    for (const [name, spec] of Object.entries(specs)) addGauge(name, spec);
  }

  async function ask(collector: Collector): Promise<void> {
    const before = known.get(collector) ?? NOTHING;
    try {
      const samples = await withDeadline(collector.collect(), deadlineMs, `no ${collector.name}`);
      if (before.fault !== undefined) log.info(`${collector.name} is read again`);
      known.set(collector, { samples, atMs: nowMs(), fault: undefined });
    } catch (error) {
      const fault = describeError(error);
      if (before.fault === undefined) log.warn(`Cannot read ${collector.name}: ${fault}`);
      known.set(collector, { ...before, fault });
    }
  }

  function* samplesNow(): Generator<Sample> {
    const up = new Map<string, boolean>();
    for (const [{ name, server }, { samples, atMs, fault }] of known) {
      up.set(server, (up.get(server) ?? false) || fault === undefined);
      const labels = { collector: name };
      yield { gauge: 'kandle_collector_up', labels, value: Number(fault === undefined) };
      if (atMs === 0) continue;
      yield { gauge: 'kandle_collected_timestamp_seconds', labels, value: atMs / 1_000 };
      if (nowMs() - atMs <= staleMs) yield* samples;
    }
    for (const [part, isUp] of up) yield { gauge: 'kandle_up', labels: { part }, value: Number(isUp) };
  }

  return {
    async collect() {
      await Promise.all(collectors.map(ask));
    },
    async render() {
      for (const gauge of gauges.values()) gauge.reset();
      // Every number begins at 0 here, so that adding sets it: a counter has no other way.
      for (const { gauge, labels, value } of samplesNow()) gauges.get(gauge)?.inc(labels, value);
      return registry.metrics();
    },
    contentType: registry.contentType,
    isReady: () => known.size === collectors.length,
  };
}
