/** What was measured, as a table: medians, and each as a multiple of the first. */
export interface Row {
  readonly what: string;
  readonly seconds: readonly number[];
}

export function table(rows: readonly Row[]): string[] {
  const first = median(rows[0]?.seconds ?? []);
  const format = rows.every(({ seconds }) => median(seconds) < 0.1) ? inMilliseconds : inSeconds;
  const cells = rows.map(({ what, seconds }) => [
    what,
    format(Math.min(...seconds)),
    format(median(seconds)),
    format(quantile(seconds, 0.95)),
    format(Math.max(...seconds)),
    (median(seconds) / first).toFixed(2),
  ]);
  const header = ['', 'min', 'median', 'p95', 'max', 'ratio'];
  const widths = header.map((name, column) =>
    Math.max(name.length, ...cells.map((row) => row[column]?.length ?? 0)),
  );
  return [header, ...cells].map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart((widths[column] ?? 0) + 2),
      )
      .join(''),
  );
}

function inSeconds(value: number): string {
  return `${value.toFixed(3)} s`;
}

function inMilliseconds(value: number): string {
  return `${(value * 1000).toFixed(2)} ms`;
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The smallest value that at least this share of all does not exceed. */
function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
