import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  type AnnotationQuery,
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  type Panel,
  RowBuilder,
  type VariableModel,
} from '@grafana/grafana-foundation-sdk/dashboard';

/** What a dashboard is made of; panels lie from left to right, 24 columns a line. */
export interface DashboardParts {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly from: string;
  readonly refresh: string;
  readonly variables?: readonly Builder<VariableModel>[];
  readonly annotations?: readonly Builder<AnnotationQuery>[];
  readonly sections: readonly Section[];
}

/** A heading and the panels under it. */
export interface Section {
  readonly title: string;
  readonly panels: readonly Builder<Panel>[];
}

/** A dashboard in Grafana's classic schema, with a link to each other one of Kandle's. */
export function assemble(parts: DashboardParts): Dashboard {
  const builder = new DashboardBuilder(parts.title)
    .uid(parts.uid)
    .description(parts.description)
    .tags(['kandle'])
    .readonly()
    .tooltip(DashboardCursorSync.Crosshair)
    // Axes are in the reader's own time; what is asked of the databases is milliseconds since the epoch.
    .timezone('browser')
    .time({ from: parts.from, to: 'now' })
    .refresh(parts.refresh)
    .variables([...(parts.variables ?? [])])
    .annotations([...(parts.annotations ?? [])])
    .link(
      new DashboardLinkBuilder('Kandle').type(DashboardLinkType.Dashboards).tags(['kandle']).keepTime(true),
    );
  for (const { title, panels } of parts.sections) {
    builder.withRow(new RowBuilder(title));
    for (const panel of panels) builder.withPanel(panel);
  }
  const dashboard = builder.build();
  for (const [index, panel] of (dashboard.panels ?? []).entries()) panel.id = index + 1;
  return dashboard;
}
