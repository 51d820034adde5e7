/** Rows as aligned columns, the way a person reads them; cells are safe text already. */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [header, ...rows];
  // No Math.max(...cells): a hundred thousand arguments are more than the call stack takes.
  const widths = header.map((_, column) =>
    all.reduce((widest, row) => Math.max(widest, row[column]?.length ?? 0), 0),
  );
  return all.map((row) =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

/** `1.2 GiB`: bytes for people. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  const exponent = bytes < 1024 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), units.length - 1);
  const value = bytes / 1024 ** exponent;
  return `${exponent === 0 ? value : value.toFixed(1)} ${units[exponent] ?? ''}`;
}

/** `2026-03-01 12:00:05` UTC, for tables; empty for null. */
export function formatTime(ms: number | null): string {
  return ms === null ? '' : new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}

/** A moment near now, for a sentence: `13:45:59 UTC`, with its day when that is another one. */
export function formatMoment(ms: number, nowMs: number): string {
  const [day = '', time = ''] = formatTime(ms).split(' ');
  return day === formatTime(nowMs).split(' ')[0] ? `${time} UTC` : `${day} ${time} UTC`;
}
