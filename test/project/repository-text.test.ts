import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/* Rules about the repository's own text, held to every file that is under version control. */

const root = fileURLToPath(new URL('../..', import.meta.url));

function tracked(): string[] {
  try {
    const list = execFileSync('git', ['-C', root, 'ls-files', '-z'], { encoding: 'utf8' });
    return list.split('\0').filter((name) => name !== '' && existsSync(join(root, name)));
  } catch {
    return [];
  }
}

const texts = tracked()
  .filter((name) => !/\.(png|jpg|ico|gz|warc)$|^package-lock\.json$/.test(name))
  .map((name) => ({ name, text: readFileSync(join(root, name), 'utf8') }));
const skip = texts.length === 0 ? 'not in a git work tree' : false;
const sources = texts.filter(({ name }) => /^src\/.*\.ts$/.test(name));

/** `file:line` of every line that has the pattern. */
function linesWith(pattern: RegExp, files = texts): string[] {
  return files.flatMap(({ name, text }) =>
    text
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? [`${name}:${index + 1}: ${line.trim()}`] : [])),
  );
}

const outsideOfThisFile = (places: readonly string[]) =>
  places.filter((place) => !place.startsWith('test/project/repository-text.test.ts:'));

test('no trailing spaces, tabs only where a format wants them, one line feed at the end', { skip }, () => {
  assert.deepEqual(linesWith(/[ \t\r]$/), []);
  assert.deepEqual(
    linesWith(
      /\t/,
      texts.filter(({ name }) => /\.(ts|js|json|md|toml|yml)$/.test(name)),
    ),
    [],
  );
  const badEnds = texts.filter(({ text }) => text !== '' && !/[^\n]\n$/.test(text)).map(({ name }) => name);
  assert.deepEqual(badEnds, []);
});

test('what is to be done stands in the tracker, not in the code', { skip }, () => {
  assert.deepEqual(outsideOfThisFile(linesWith(/\b(TODO|FIXME|XXX|HACK)\b(?!-)/)), []);
});

test('no path of a developer’s machine, and none of this checkout', { skip }, () => {
  // The home of the lab's storage box is a place inside a lab host.
  const machine = /(?<![\w.~-])\/(home\/(?!storage\b)|Users\/|work\/|workspace|root\/)\w/;
  const here = new RegExp(root.replace(/\/$/, '').replace(/[^\w/-]/g, '\\$&') + '(?![\\w-])');
  assert.deepEqual(outsideOfThisFile(linesWith(machine)), []);
  assert.deepEqual(linesWith(here), []);
});

test('files are named after the one thing in them', { skip }, () => {
  const vague = /^(utils?|helpers?|misc|common|shared|lib|.*manager)(\.|$)/i;
  const found = texts.filter(({ name }) => name.split('/').some((part) => vague.test(basename(part))));
  assert.deepEqual(
    found.map(({ name }) => name),
    [],
  );
  assert.deepEqual(outsideOfThisFile(linesWith(/\bclass \w*(Manager|Helper|Util)\b/)), []);
});

test('a source file has at most 300 lines of code, unless it says why not', { skip }, () => {
  const long = sources.filter(({ text }) => codeLines(text) > 300);
  const unexplained = long.filter(({ text }) => !/^\/\* eslint-disable max-lines -- \S.+\*\/$/m.test(text));
  assert.deepEqual(
    unexplained.map(({ name, text }) => `${name}: ${codeLines(text)}`),
    [],
  );
});

function codeLines(text: string): number {
  const withoutComments = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  return withoutComments.split('\n').filter((line) => line.trim() !== '').length;
}

/** A name that says everything about a function that takes little to say: no comment is asked for. */
const obvious = /^(is|has|add|parse|format|describe)[A-Z]/;

test(
  'every exported class, and every exported function of some length, says what it is for',
  { skip },
  () => {
    const silent = sources.flatMap(({ name, text }) => {
      const file = ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true);
      return file.statements.filter(isExportedCode).flatMap((statement) => {
        const title = statement.name?.text ?? 'default';
        const lines = statement.getText().split('\n').length;
        const isSmall = ts.isFunctionDeclaration(statement) && (lines <= 20 || obvious.test(title));
        if (isSmall || hasComment(statement) || text.startsWith('/*')) return [];
        const { line } = file.getLineAndCharacterOfPosition(statement.getStart());
        return [`${name}:${line + 1}: ${title}`];
      });
    });
    assert.deepEqual(silent, []);
  },
);

const hasComment = (statement: ts.Node) => ts.getJSDocCommentsAndTags(statement).length > 0;

function isExportedCode(node: ts.Node): node is ts.FunctionDeclaration | ts.ClassDeclaration {
  if (!ts.isFunctionDeclaration(node) && !ts.isClassDeclaration(node)) return false;
  return node.modifiers?.some((modifier) => modifier.kind === ts.SyntaxKind.ExportKeyword) === true;
}
