import { z } from 'zod';
import { askPrometheus, math, type ProvisionedRule } from './rule.ts';

/** The part of a rule file of Prometheus that is used here. */
const RuleFileSchema = z.object({
  groups: z.array(
    z.object({
      rules: z.array(
        z.object({
          alert: z.string(),
          expr: z.string(),
          for: z.string().default('0s'),
          labels: z.object({ severity: z.string() }),
          annotations: z.object({ summary: z.string(), runbook: z.string() }),
        }),
      ),
    }),
  ),
});

/** The alerts that are about the market, and not about the pipeline. */
const ABOUT_MARKET: ReadonlySet<string> = new Set(['KandleStaleSymbol']);

/**
 * Prometheus' alerts as rules that Grafana evaluates, for whoever runs no Alertmanager. The file of Prometheus
 * stays their one source.
 *
 * @param file The parsed `knative/monitoring/alerts.yaml`.
 */
export function prometheusRules(file: unknown): readonly ProvisionedRule[] {
  return RuleFileSchema.parse(file).groups.flatMap(({ rules }) =>
    rules.map((rule): ProvisionedRule => {
      const name = rule.alert.replace(/^Kandle/, '').replaceAll(/(?<!^)(?=[A-Z])/g, '-');
      return {
        uid: `kandle-${name.toLowerCase()}`,
        title: rule.alert,
        condition: 'is_there',
        // Prometheus' own way: whatever the expression returns is an alert, 0 too.
        data: [askPrometheus('value', rule.expr), math('is_there', 'is_null($value) == 0')],
        noDataState: 'OK',
        execErrState: 'Error',
        for: rule.for,
        annotations: { summary: inGrafana(rule.annotations.summary), runbook: rule.annotations.runbook },
        labels: {
          about: ABOUT_MARKET.has(rule.alert) ? 'market' : 'pipeline',
          severity: rule.labels.severity,
        },
        isPaused: false,
      };
    }),
  );
}

/** The same template without a dollar, which provisioning would take for a variable of the environment. */
function inGrafana(template: string): string {
  return template.replaceAll('$value', '.Values.value.Value').replaceAll('$labels', '.Labels');
}
