import { styleText } from 'node:util';
import textWidth from 'fast-string-truncated-width';
import type { Terminal } from './terminal.ts';

/** A colour or weight of node:util's styleText. */
export type Style = Parameters<typeof styleText>[0];

/** A cell: safe text already; how it looks never says anything that its text does not. */
export type Cell = string | { readonly text: string; readonly style: Style };

export interface TableFit {
  /** Columns of the screen; undefined: nothing is cut. */
  readonly width?: number | undefined;
  /** By their number, the columns that may be cut, and how much is left of each as long as the others can give more. */
  readonly narrowest?: Readonly<Record<number, number>>;
  readonly hasColours?: boolean;
}

const gap = 2;
const plainText = (cell: Cell): string => (typeof cell === 'string' ? cell : cell.text);

/** Columns of a screen that a text takes: of Chinese characters two each. */
function widthOf(text: string): number {
  return textWidth(text).width;
}

/** Cut to that many columns of a screen, with an ellipsis where something is left out. */
export function cutToWidth(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let cut = '';
  let used = 0;
  // What a person takes for one character. Made only here: it loads the tables of Unicode.
  graphemes ??= new Intl.Segmenter();
  for (const { segment } of graphemes.segment(text)) {
    used += widthOf(segment);
    if (used > width - 1) break;
    cut += segment;
  }
  return `${cut}…`;
}

let graphemes: Intl.Segmenter | undefined;

/** Rows as aligned columns, the way a person reads them; what does not fit the width is cut, nothing is wrapped. */
export function formatTable(
  header: readonly string[],
  rows: readonly (readonly Cell[])[],
  { width, narrowest = {}, hasColours = false }: TableFit = {},
): string[] {
  // No Math.max(...cells): a hundred thousand arguments are more than the call stack takes.
  const natural = header.map((title, column) =>
    rows.reduce((widest, row) => Math.max(widest, widthOf(plainText(row[column] ?? ''))), title.length),
  );
  const widths = width === undefined ? natural : squeeze(natural, width, narrowest);
  const last = header.length - 1;
  const line = (row: readonly Cell[]): string =>
    row
      .map((cell, column) => {
        const text = cutToWidth(plainText(cell), widths[column] ?? 0);
        const padding = column === last ? '' : ' '.repeat((widths[column] ?? 0) - widthOf(text));
        return hasColours && typeof cell !== 'string' ? painted(cell.style, text) + padding : text + padding;
      })
      .join(' '.repeat(gap))
      .trimEnd();
  return [line(header), ...rows.map(line)];
}

/** What nothing is left of says nothing. */
const leastOfAll = 6;

/** Takes from the widest of the columns that may be cut, until the line fits, or none can give more. */
function squeeze(
  natural: readonly number[],
  width: number,
  narrowest: Readonly<Record<number, number>>,
): number[] {
  const widths = [...natural];
  let excess = widths.reduce((sum, one) => sum + one, gap * (widths.length - 1)) - width;
  for (const leastOf of [(column: number) => narrowest[column] ?? 0, () => leastOfAll])
    for (; excess > 0; excess--) {
      const widest = Object.keys(narrowest)
        .map(Number)
        .filter((column) => (widths[column] ?? 0) > leastOf(column))
        .reduce((a, b) => ((widths[b] ?? 0) > (widths[a] ?? 0) ? b : a), -1);
      if (widest === -1) break;
      widths[widest] = (widths[widest] ?? 0) - 1;
    }
  return widths;
}

function painted(style: Style, text: string): string {
  return styleText(style, text, { validateStream: false });
}

/** The text in a colour or weight, where the terminal shows such. */
export function paint(terminal: Terminal, style: Style, text: string): string {
  return terminal.hasColours ? painted(style, text) : text;
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

/** A moment near now, UTC: `13:45:59`, with its day when that is another one. */
export function formatMoment(ms: number, nowMs: number): string {
  const [day = '', time = ''] = formatTime(ms).split(' ');
  return day === formatTime(nowMs).split(' ')[0] ? time : `${day} ${time}`;
}

/** As short as it can be said since when, UTC: `13:45` today, `02-28 13:45` this year, else the day. */
export function formatMinute(ms: number, nowMs: number): string {
  const text = formatTime(ms);
  const now = formatTime(nowMs);
  if (text.slice(0, 10) === now.slice(0, 10)) return text.slice(11, 16);
  return text.slice(0, 4) === now.slice(0, 4) ? text.slice(5, 16) : text.slice(0, 10);
}

/** `2h 05m`, `4m 12s`, `12s`: for how long. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const two = (value: number) => String(value).padStart(2, '0');
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${two(seconds % 60)}s`;
  return `${Math.floor(seconds / 3600)}h ${two(Math.floor((seconds % 3600) / 60))}m`;
}
