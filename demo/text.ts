/** Numbers, tables and marks for people. */
import { stripVTControlCharacters } from 'node:util';

/** Without a UTF-8 locale (a bare container, a log) only ASCII is drawn. */
const isUtf8 = /utf-?8/i.test(process.env['LC_ALL'] ?? process.env['LC_CTYPE'] ?? process.env['LANG'] ?? '');

export const marks = isUtf8
  ? { done: '✔', failed: '✘', full: '━', empty: '╌', more: '…', line: '─' }
  : { done: 'ok', failed: '!!', full: '#', empty: '.', more: '~', line: '-' };

export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1024 ** 2 ? `${(bytes / 1024).toFixed(0)} KiB` : `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}

export function formatCount(count: number): string {
  return count.toLocaleString('en');
}

export function formatSeconds(seconds: number): string {
  return `${seconds.toFixed(1)} s`;
}

/** At most `width` characters; text from outside keeps no control characters. */
export function cut(text: string, width: number): string {
  // eslint-disable-next-line no-control-regex -- these are what has to go
  const plain = text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?');
  return plain.length <= width ? plain : plain.slice(0, Math.max(0, width - 1)) + marks.more;
}

/** Columns as wide as their widest cell; the first one is words, the others are numbers and stand to the right. */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const lines = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => widthOf(line[column] ?? ''))));
  return lines.map((line) =>
    line
      .map((cell, column) => {
        const padding = ' '.repeat((widths[column] ?? 0) - widthOf(cell));
        return column === 0 ? cell + padding : padding + cell;
      })
      .join('   '),
  );
}

function widthOf(cell: string): number {
  return stripVTControlCharacters(cell).length;
}

/** What a prompt before it, or the indentation of those that go on, and a backslash leave of 80 columns. */
const commandWidth = 72;

/** Words as one would type them, continued on further lines before an option, where 80 columns are not enough. */
export function commandLine(words: readonly string[]): string {
  const typed = words.map((word) => (/^[\w./:=-]+$/.test(word) ? word : `"${word}"`));
  const lines: string[] = [''];
  for (const [index, word] of typed.entries()) {
    const isOption = word.startsWith('--');
    const value = typed[index + 1];
    const needed = isOption && value !== undefined && !value.startsWith('--') ? `${word} ${value}` : word;
    const line = lines.at(-1) ?? '';
    const isBroken = isOption && line.length + 1 + needed.length > commandWidth;
    if (isBroken) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines.join(' \\\n      ');
}
