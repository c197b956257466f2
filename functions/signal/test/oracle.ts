import { isDeepStrictEqual } from 'node:util';
import { parseCandleBatch, type PublishedCandle } from '@kandle/market/candle/candle-batch';
import { type IndicatorBatch, parseIndicatorBatch } from '@kandle/market/indicator/indicator-batch';
import { indicatorValues } from '@kandle/market/indicator/indicators';
import type { MarketEvent } from '@kandle/market/event/market-event';
import { parseSignalBatch, type Signal } from '@kandle/market/signal/signal-batch';
import { EVENT_TYPES } from '@kandle/market/event/topics';
import { WINDOW_MS } from '@kandle/market/window/window';
import { concerns } from '@kandle/market/signal/rules';
import { type SeriesSettings, type Step, stepSeries, stepSilent } from '@kandle/market/signal/series';
import type { SeriesState } from '@kandle/market/signal/series-state';
import type { StateStore } from '../src/stores.ts';

interface Expected {
  readonly step: Step;
  readonly candleVersion: number;
}

/**
 * What is wrong with the outcome of a schedule, in words; empty when nothing is.
 *
 * Judged from the candle events alone: the newest version of each candle, window by window, each symbol's
 * series folded once from its beginning.
 */
export async function judge(
  shard: string,
  log: readonly MarketEvent[],
  store: StateStore,
  published: readonly MarketEvent[],
  settings: SeriesSettings,
): Promise<readonly string[]> {
  const faults = new Set<string>();
  const expected = expectedRows(log, settings);
  const indicators = newestIndicators(published, faults);
  const signals = newestSignals(published, faults);
  const stored = new Set<string>();
  for (const startMs of startsOf(log)) {
    const window = await store.read({ shard, windowStartMs: startMs });
    for (const [symbol, row] of window.rows) {
      const key = `${startMs}|${symbol}`;
      stored.add(key);
      const want = expected.get(key);
      if (want === undefined && row.candle !== null) faults.add('ROW_OF_NOTHING');
      for (const signal of row.signals) {
        if (!isDeepStrictEqual(signals.get(signal.id), signal)) faults.add('SIGNAL_NOT_PUBLISHED');
      }
      const active = row.signals
        .filter(({ state }) => state === 'active')
        .map(({ id, text }) => `${id} ${text}`);
      const found = (want?.step.found ?? []).map(({ id, text }) => `${id} ${text}`);
      if (JSON.stringify(active.toSorted()) !== JSON.stringify(found.toSorted())) faults.add('SIGNALS_WRONG');
      if (want === undefined || row.candle === null) continue;
      if (row.candle.version !== want.candleVersion) faults.add('CANDLE_WRONG');
      if (JSON.stringify(row.state) !== JSON.stringify(want.step.state)) faults.add('STATE_WRONG');
      if (row.repeated !== want.step.repeated || row.restarted !== want.step.restarted)
        faults.add('GAP_WRONG');
      const shown = indicators.get(key);
      if (shown === undefined) faults.add('NEVER_PUBLISHED');
      else if (Object.values(shown.values).join() !== valuesOf(want.step.state, settings).join())
        faults.add('PUBLISHED_WRONG');
    }
  }
  for (const key of expected.keys()) if (!stored.has(key)) faults.add('ROW_MISSING');
  return [...faults];
}

/** Where the log's windows begin. */
function startsOf(log: readonly MarketEvent[]): ReadonlySet<number> {
  return new Set(log.map(({ data }) => parseCandleBatch(JSON.parse(JSON.stringify(data))).windowStartMs));
}

function valuesOf(state: SeriesState, { periods }: SeriesSettings): readonly number[] {
  return Object.values(indicatorValues(state.indicators, periods));
}

/** The rows by `<start>|<symbol>`. */
function expectedRows(log: readonly MarketEvent[], settings: SeriesSettings): ReadonlyMap<string, Expected> {
  const candles = new Map<number, Map<string, PublishedCandle>>();
  for (const event of log) {
    const batch = parseCandleBatch(JSON.parse(JSON.stringify(event.data)));
    if (batch.kind === 'provisional') continue;
    const window = candles.get(batch.windowStartMs) ?? new Map<string, PublishedCandle>();
    candles.set(batch.windowStartMs, window);
    for (const candle of batch.candles) {
      if ((window.get(candle.symbol)?.version ?? 0) < candle.version) window.set(candle.symbol, candle);
    }
  }
  const rows = new Map<string, Expected>();
  const series = new Map<string, { readonly startMs: number; readonly state: SeriesState }>();
  for (const [startMs, window] of [...candles].toSorted(([a], [b]) => a - b)) {
    for (const symbol of new Set([...series.keys(), ...window.keys()])) {
      const place = { symbol, windowStartMs: startMs };
      const candle = window.get(symbol);
      const before = series.get(symbol);
      const isNear =
        before !== undefined && startMs - before.startMs <= (settings.maxRepeatedWindows + 1) * WINDOW_MS;
      const last = isNear ? before.state : null;
      if (candle === undefined) {
        if (
          last === null ||
          !settings.rules.some((rule) => rule.kind === 'silence' && concerns(rule, symbol))
        )
          continue;
        const step = stepSilent(last, place, settings);
        if (step.found.length === 0) continue;
        rows.set(`${startMs}|${symbol}`, { step, candleVersion: 0 });
        series.set(symbol, { startMs, state: step.state });
        continue;
      }
      const plain = (e8: bigint): number => Number(e8) / 1e8;
      const step = stepSeries(
        last,
        {
          version: candle.version,
          close: plain(candle.closeE8),
          high: plain(candle.highE8),
          low: plain(candle.lowE8),
          volume: plain(candle.volumeE8),
          lastTradeMs: candle.lastTradeMs,
          sentiment: null,
        },
        place,
        settings,
      );
      rows.set(`${startMs}|${symbol}`, { step, candleVersion: candle.version });
      series.set(symbol, { startMs, state: step.state });
    }
  }
  return rows;
}

type Indicators = IndicatorBatch['indicators'][number];

/** What a consumer ends with; one id and one version with two contents are faults. */
function newestIndicators(
  published: readonly MarketEvent[],
  faults: Set<string>,
): ReadonlyMap<string, Indicators> {
  const newest = new Map<string, Indicators>();
  const contents = new Map<string, string>();
  for (const event of published) {
    const text = JSON.stringify(event.data);
    if ((contents.get(event.id) ?? text) !== text) faults.add('ONE_ID_TWO_CONTENTS');
    contents.set(event.id, text);
    if (event.type !== EVENT_TYPES.indicators) continue;
    const batch = parseIndicatorBatch(JSON.parse(text));
    for (const row of batch.indicators) {
      const key = `${batch.windowStartMs}|${row.symbol}`;
      const content = JSON.stringify(row);
      const versionKey = `${key}|${row.version}`;
      if ((contents.get(versionKey) ?? content) !== content) faults.add('ONE_VERSION_TWO_CONTENTS');
      contents.set(versionKey, content);
      if ((newest.get(key)?.version ?? 0) <= row.version) newest.set(key, row);
    }
  }
  return newest;
}

function newestSignals(published: readonly MarketEvent[], faults: Set<string>): ReadonlyMap<string, Signal> {
  const newest = new Map<string, Signal>();
  const contents = new Map<string, string>();
  for (const event of published) {
    if (event.type !== EVENT_TYPES.signals) continue;
    for (const signal of parseSignalBatch(JSON.parse(JSON.stringify(event.data))).signals) {
      const content = JSON.stringify(signal);
      const versionKey = `${signal.id}|${signal.version}`;
      if ((contents.get(versionKey) ?? content) !== content) faults.add('ONE_SIGNAL_VERSION_TWO_CONTENTS');
      contents.set(versionKey, content);
      if ((newest.get(signal.id)?.version ?? 0) <= signal.version) newest.set(signal.id, signal);
    }
  }
  return newest;
}
