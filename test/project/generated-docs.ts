/** Parts of the docs that are written from the code, between two marks, so that they can't tell anything else. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';

const docs = join(import.meta.dirname, '../../docs');
const BEGIN = '<!-- generated: npm run docs -->';
const END = '<!-- end of what is generated -->';

/** Checks that the generated part of `docs/NAME` is current; with HEALTHARCHIVE_UPDATE_DOCS=1 it is made so. */
export async function checkGeneratedPart(name: string, generated: string): Promise<void> {
  const file = join(docs, name);
  const text = readFileSync(file, 'utf8');
  const [before, rest] = splitAt(text, BEGIN, name);
  const [, after] = splitAt(rest, END, name);
  const options = { ...(await resolveConfig(file)), parser: 'markdown' };
  const current = await format(`${before}${BEGIN}\n\n${generated}\n\n${END}${after}`, options);
  if (process.env['HEALTHARCHIVE_UPDATE_DOCS'] === '1') writeFileSync(file, current);
  else assert.equal(text, current, `docs/${name} is not current; npm run docs mends it`);
}

function splitAt(text: string, mark: string, name: string): [string, string] {
  const at = text.indexOf(mark);
  assert.notEqual(at, -1, `docs/${name} has no line ${mark}`);
  return [text.slice(0, at), text.slice(at + mark.length)];
}

export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
