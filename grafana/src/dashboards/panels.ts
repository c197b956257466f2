import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import {
  AxisPlacement,
  BigValueColorMode,
  BigValueGraphMode,
  type DataSourceRef,
  GraphDrawStyle,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  type DynamicConfigValue,
  FieldColorBuilder,
  FieldColorModeId,
  type Threshold,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeSeriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { CASSANDRA } from '../cassandra/cassandra-query.ts';
import { PROMETHEUS } from './prometheus-query.ts';

/** What every panel is told. */
export interface PanelText {
  readonly title: string;
  readonly description: string;
  readonly source: 'cassandra' | 'prometheus';
  readonly targets: readonly Builder<Dataquery>[];
  /** Of the 24 columns. */
  readonly span: number;
  readonly height: number;
  readonly unit?: string;
}

const FIXED = FieldColorModeId.Fixed;
const BY_NAME = FieldColorModeId.PaletteClassicByName;

function sourceOf(source: PanelText['source']): DataSourceRef {
  return source === 'cassandra' ? CASSANDRA : PROMETHEUS;
}

/** What a table says of a signal, and under which headings. */
export const SIGNAL_COLUMNS = {
  side: 'side',
  rule: 'rule',
  strength: 'strength',
  text: 'what',
  state: 'state',
} as const;

/** A list of the series under the panel. */
export const legend = () =>
  new VizLegendOptionsBuilder()
    .displayMode(LegendDisplayMode.List)
    .placement(LegendPlacement.Bottom)
    .showLegend(true)
    .calcs([]);

/** All series at the pointer. */
export const tooltip = () => new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi);

/** Colours from a value on: the first is that of everything below. */
function thresholds(...steps: readonly [value: number | null, color: string][]) {
  return new ThresholdsConfigBuilder()
    .mode(ThresholdsMode.Absolute)
    .steps(steps.map(([value, color]): Threshold => ({ value, color })));
}

/** Lines over time. Frames of the plugin come in any order, so a colour belongs to a name. */
export function lines({ title, description, source, targets, span, height, unit }: PanelText) {
  return new TimeSeriesBuilder()
    .title(title)
    .description(description)
    .datasource(sourceOf(source))
    .targets([...targets])
    .span(span)
    .height(height)
    .unit(unit ?? 'short')
    .colorScheme(new FieldColorBuilder().mode(BY_NAME))
    .drawStyle(GraphDrawStyle.Line)
    .lineWidth(1)
    .fillOpacity(0)
    .showPoints(VisibilityMode.Never)
    .legend(legend())
    .tooltip(tooltip());
}

/** Bars over time, one on top of the other. */
export function bars(text: PanelText) {
  return lines(text)
    .drawStyle(GraphDrawStyle.Bars)
    .fillOpacity(60)
    .stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A'))
    .axisSoftMin(0);
}

/** Lines with a dashed line where colours change. */
export function bounded(text: PanelText, ...steps: readonly [value: number | null, color: string][]) {
  return lines(text)
    .thresholds(thresholds(...steps))
    .thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed));
}

/** One number for each series, by a reducer of Grafana such as `lastNotNull`. */
export function number(
  { title, description, source, targets, span, height, unit }: PanelText,
  calc: string,
  ...steps: readonly [value: number | null, color: string][]
) {
  return new StatBuilder()
    .title(title)
    .description(description)
    .datasource(sourceOf(source))
    .targets([...targets])
    .span(span)
    .height(height)
    .unit(unit ?? 'short')
    .noValue('none')
    .reduceOptions(new ReduceDataOptionsBuilder().calcs([calc]).values(false))
    .graphMode(BigValueGraphMode.None)
    .colorMode(BigValueColorMode.Value)
    .thresholds(steps.length === 0 ? thresholds([null, 'text']) : thresholds(...steps));
}

/** Rows as they are. */
export function rows({ title, description, source, targets, span, height }: PanelText) {
  return new TableBuilder()
    .title(title)
    .description(description)
    .datasource(sourceOf(source))
    .targets([...targets])
    .span(span)
    .height(height)
    .noValue('none');
}

/** Takes columns away, and puts the others in this order under these names. */
export function columns(names: Readonly<Record<string, string>>, hidden: readonly string[]) {
  return {
    id: 'organize',
    options: {
      excludeByName: Object.fromEntries(hidden.map((name) => [name, true])),
      indexByName: Object.fromEntries(Object.keys(names).map((name, index) => [name, index])),
      renameByName: names,
    },
  };
}

/** One table of several answers that have the same columns. */
export const MERGED = { id: 'merge', options: {} };

export function sortedBy(field: string, isDescending: boolean) {
  return { id: 'sortBy', options: { fields: {}, sort: [{ field, desc: isDescending }] } };
}

/** A column's own unit. */
export function unitOf(unit: string, decimals?: number): DynamicConfigValue[] {
  return [
    { id: 'unit', value: unit },
    ...(decimals === undefined ? [] : [{ id: 'decimals', value: decimals }]),
  ];
}

/** A line's own colour, and no other thing that is drawn with it. */
export function lineIn(color: string, width = 1): DynamicConfigValue[] {
  return [
    { id: 'color', value: { mode: FIXED, fixedColor: color } },
    { id: 'custom.lineWidth', value: width },
    { id: 'custom.fillOpacity', value: 0 },
    { id: 'custom.axisPlacement', value: AxisPlacement.Auto },
  ];
}
