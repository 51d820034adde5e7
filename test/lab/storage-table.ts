/** Tables of the docs that hold what was seen in the lab, a row for each fault: docs/storage-faults.md and docs/storage-recovery.md. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { markdownTable } from '../project/generated-docs.ts';

export interface MeasuredTable {
  /** Below docs/. */
  readonly page: string;
  readonly header: readonly string[];
  /** The last column holds times, which are those of the machine that measured them. */
  readonly hasTimes: boolean;
}

export type Row = readonly string[];

const begin = '<!-- measured: npm run docs:storage-table -->';
const end = '<!-- end of what is measured -->';

export async function writeTable(table: MeasuredTable, rows: readonly Row[]): Promise<void> {
  const file = fileOf(table);
  const text = readFileSync(file, 'utf8');
  const [before, after] = [text.split(begin)[0], text.split(end)[1]];
  assert.ok(text.includes(begin) && before !== undefined && after !== undefined, `${file} has no marks`);
  const markdown = markdownTable(
    [...table.header],
    rows.map((row) => [...row]),
  );
  const options = { ...(await resolveConfig(file)), parser: 'markdown' };
  writeFileSync(file, await format(`${before}${begin}\n\n${markdown}\n\n${end}${after}`, options));
}

/** Each row must stand in the table, in its place; all of them, if all were seen. */
export function compareTable(table: MeasuredTable, rows: readonly Row[], isAll: boolean): void {
  const written = rowsOf(readFileSync(fileOf(table), 'utf8'));
  const compared = (row: Row): string => (table.hasTimes ? row.slice(0, -1) : row).join(' | ');
  const seen = rows.map(compared);
  const names = new Set(rows.map(([name]) => name));
  const message = `docs/${table.page} is not what was seen; npm run docs:storage-table, as root, mends it`;
  const expected = written.slice(1).filter(([name]) => isAll || names.has(name ?? ''));
  assert.deepEqual(expected.map(compared), seen, message);
}

function fileOf({ page }: MeasuredTable): string {
  return join(import.meta.dirname, '../../docs', page);
}

function rowsOf(page: string): Row[] {
  return page
    .slice(page.indexOf(begin), page.indexOf(end))
    .split('\n')
    .filter((line) => line.startsWith('|') && !/^\|[-| ]+\|$/.test(line))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}
