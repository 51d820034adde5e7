import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

const checkout = join(import.meta.dirname, '../..');

test('every link between the documents leads somewhere', () => {
  const documents = globSync(['*.md', 'docs/**/*.md'], { cwd: checkout });
  assert.ok(documents.includes('README.md'));
  const dangling = documents.flatMap((document) =>
    linksOf(readFileSync(join(checkout, document), 'utf8'))
      .filter((target) => !existsSync(join(checkout, dirname(document), target)))
      .map((target) => `${document} -> ${target}`),
  );
  assert.deepEqual(dangling, []);
});

/** Targets of inline links that are files of this repository, without the part after #. */
function linksOf(markdown: string): string[] {
  const prose = markdown.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target.replace(/#.*$/, ''))
    .filter((target) => target !== '' && !/^[a-z]+:/.test(target));
}
