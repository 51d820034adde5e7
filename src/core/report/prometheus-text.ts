/** The text format that node_exporter's textfile collector reads (prometheus.io, "Exposition formats", version 0.0.4). */
export interface MetricFamily {
  readonly name: string;
  readonly type: 'gauge' | 'counter' | 'untyped';
  readonly help: string;
  /** None: the family is left out; what is not known is absent, never 0. */
  readonly samples: readonly MetricSample[];
}

export interface MetricSample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A family of one sample at most: what is null is not known, and absent. */
export function gauge(name: string, help: string, value: number | boolean | null): MetricFamily {
  return { name, type: 'gauge', help, samples: value === null ? [] : [{ value: Number(value) }] };
}

/** All of one file. Sample by sample, so that equal label sets would be an error there as here. */
export function prometheusText(families: readonly MetricFamily[]): string {
  return families
    .filter(({ samples }) => samples.length > 0)
    .map(({ name, type, help, samples }) => {
      const lines = samples.map(
        ({ labels = {}, value }) => `${name}${labelText(labels)} ${valueText(value)}`,
      );
      return [`# HELP ${name} ${escapeHelp(help)}`, `# TYPE ${name} ${type}`, ...lines].join('\n') + '\n';
    })
    .join('');
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function valueText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

/** A lone surrogate is no UTF-8; node_exporter would refuse the whole file for it. */
function escapeLabel(text: string): string {
  return text.toWellFormed().replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
