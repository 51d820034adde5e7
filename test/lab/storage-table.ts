/** The table of docs/storage-faults.md: each fault with the states seen, and the time until they were. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { markdownTable } from '../project/generated-docs.ts';

export interface SeenFault {
  readonly name: string;
  readonly states: readonly string[];
  /** From the fault to the answer that shows it, beyond what a look takes when all is well. */
  readonly seconds: number;
}

const file = join(import.meta.dirname, '../../docs/storage-faults.md');
const begin = '<!-- measured: npm run docs:storage-table -->';
const end = '<!-- end of what is measured -->';

export async function writeStorageTable(rows: readonly SeenFault[]): Promise<void> {
  writeFileSync(file, await pageWith(rows));
}

/** States must be the same; times are those of the machine that measured them. */
export async function compareStorageTable(rows: readonly SeenFault[]): Promise<void> {
  const current = withoutTimes(readFileSync(file, 'utf8'));
  const message =
    'docs/storage-faults.md is not what was seen; npm run docs:storage-table, as root, mends it';
  assert.deepEqual(current, withoutTimes(await pageWith(rows)), message);
}

async function pageWith(rows: readonly SeenFault[]): Promise<string> {
  const text = readFileSync(file, 'utf8');
  const [before, after] = [text.split(begin)[0], text.split(end)[1]];
  assert.ok(text.includes(begin) && before !== undefined && after !== undefined, `${file} has no marks`);
  const cells = rows.map((row) => [row.name, ...row.states, shownTime(row)]);
  const table = markdownTable(['fault', 'base', 'bind', 'own mount', 'seen after'], cells);
  const options = { ...(await resolveConfig(file)), parser: 'markdown' };
  return await format(`${before}${begin}\n\n${table}\n\n${end}${after}`, options);
}

/** Rounded so that a busy machine shows nearly the same. */
function shownTime({ states, seconds }: SeenFault): string {
  if (states.every((state) => state === 'healthy')) return '–';
  return seconds < 2 ? 'at once' : `${Math.round(seconds)} s`;
}

function withoutTimes(page: string): string[] {
  return page
    .slice(page.indexOf(begin), page.indexOf(end))
    .split('\n')
    .filter((line) => line.startsWith('|') && !/^\|[-| ]+\|$/.test(line))
    .map((line) =>
      line
        .split('|')
        .slice(1, -2)
        .map((cell) => cell.trim())
        .join(' | '),
    );
}
