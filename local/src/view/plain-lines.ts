import {
  describeAway,
  formatCount,
  formatMs,
  formatPrice,
  formatRate,
  formatSpan,
  formatUnits,
} from './format.ts';
import { isAsleep, type FunctionView, type SymbolView, type ViewState } from './view-state.ts';

/** The facts of a run in one line, for logs and pipes. */
export function plainLine({ upMs, feed, candles, rejects, deadLetters, ...state }: ViewState): string {
  const [signal] = state.signals;
  const of = feed.of === null ? '' : ` of ${formatCount(feed.of)}`;
  const [first] = state.symbols;
  const waiting = state.sources.reduce((sum, { lag }) => sum + (lag ?? 0), 0);
  return [
    `${formatSpan(upMs)}: ${feed.status}`,
    ...feed.away.map(describeAway),
    `${formatCount(feed.trades)}${of} trades (${formatRate(feed.tradesPerSecond)}/s)`,
    `${formatCount(candles)} final candles of ${formatCount(state.activeSymbols)} symbols`,
    ...(first === undefined
      ? []
      : [
          `${first.symbol} ${formatPrice(first.candle.close, first.priceDigits)} (${formatRate(first.tradesPerSecond)}/s${first.lagMs === null ? '' : `, lag ${formatSpan(first.lagMs)}`})`,
        ]),
    ...(first === undefined ? [] : describeIndicators(first)),
    ...state.functions.map(describeFunction),
    `${formatCount(waiting)} events waiting`,
    ...(feed.refusedCount > 0 ? [`${formatUnits(feed.refusedCount, 'symbol')} refused`] : []),
    ...(feed.priceOnlyCount > 0 ? [`${formatUnits(feed.priceOnlyCount, 'symbol')} without a trade`] : []),
    formatUnits(rejects, 'reject'),
    formatUnits(deadLetters, 'dead letter'),
    formatUnits(state.signalCount, 'signal'),
    ...(signal === undefined
      ? []
      : [`the newest: ${signal.isRetracted ? '(taken back) ' : ''}${signal.text}`]),
  ].join(', ');
}

function describeIndicators({ indicators, priceDigits }: SymbolView): readonly string[] {
  if (indicators === null) return [];
  const { ma, ema, rsi } = indicators;
  const parts = [
    ...(ma === null ? [] : [`MA ${formatPrice(ma, priceDigits)}`]),
    ...(ema === null ? [] : [`EMA ${formatPrice(ema, priceDigits)}`]),
    ...(rsi === null ? [] : [`RSI ${rsi.toFixed(1)}`]),
  ];
  return [parts.join(' ')];
}

function describeFunction(one: FunctionView): string {
  if (isAsleep(one)) return `${one.name} asleep`;
  const p99 = one.p99Ms === null ? '' : ` p99 ${formatMs(one.p99Ms)}`;
  return `${one.name} ${formatRate(one.requestsPerSecond)}/s${p99}`;
}

/** What a run has come to, in a few lines. */
export function summaryLines(state: ViewState, ended: boolean): readonly string[] {
  const { feed, functions, sources } = state;
  const sum = (pick: (source: (typeof sources)[number]) => number): string =>
    formatCount(sources.reduce((total, source) => total + pick(source), 0));
  return [
    ended ? 'The recording has ended: every window is final and nothing is under way.' : 'The run was ended.',
    `${(state.upMs / 1_000).toFixed(1)} s since "ready": ${formatCount(feed.trades)} trades received, ` +
      `${formatCount(state.candles)} final candles of ${formatCount(state.activeSymbols)} symbols, ` +
      `${formatUnits(state.rejects, 'reject')}; ${sum((one) => one.retries)} deliveries tried again, ` +
      `${formatUnits(state.deadLetters, 'dead letter')}, ${sum((one) => one.dropped)} dropped.`,
    `Cold starts: ${functions.map(describeStarts).join(', ')}.`,
  ];
}

function describeStarts({ name, coldStarts, lastStartMs, crashes }: FunctionView): string {
  const details = [
    ...(lastStartMs === null ? [] : [`the last ${formatMs(lastStartMs)}`]),
    ...(crashes === 0 ? [] : [`${formatCount(crashes)} ${crashes === 1 ? 'crash' : 'crashes'}`]),
  ];
  return `${name} ${coldStarts}${details.length === 0 ? '' : ` (${details.join(', ')})`}`;
}
