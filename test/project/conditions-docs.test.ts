/** The registry of conditions, held against the code that tells of them, the alerts that are raised by them, and the docs. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Condition, conditions } from '../../src/core/report/conditions.ts';
import { checkGeneratedPart, markdownTable } from './generated-docs.ts';

const root = join(import.meta.dirname, '../..');
const all = Object.entries(conditions) as [string, Condition][];
const sources = globSync('src/**/*.ts', { cwd: root })
  .filter((file) => !/core\/report\/[a-z-]*conditions?\.ts$/.test(file))
  .map((file) => readFileSync(join(root, file), 'utf8'))
  .join('\n');

test('every condition is told of somewhere', () => {
  // That refusals have no other codes is up to the compiler.
  const unused = all
    .map(([code]) => code)
    .filter((code) => !code.startsWith('storage_') && !sources.includes(`'${code}'`));
  assert.deepEqual(unused, []);
});

test('words are phrases, and alerts exist', () => {
  const rules = readFileSync(join(root, 'ops/prometheus/healtharchive-alerts.yml'), 'utf8');
  for (const [code, { meaning, next, alert }] of all) {
    for (const phrase of [meaning, next]) assert.match(phrase, /^[^A-Z].*[^.]$/, code);
    if (alert !== undefined) assert.ok(rules.includes(`alert: ${alert}\n`), `${code}: ${alert}`);
  }
});

test('every alert has conditions, or is about silence, and a section in the runbooks', () => {
  const rules = readFileSync(join(root, 'ops/prometheus/healtharchive-alerts.yml'), 'utf8');
  const runbooks = readFileSync(join(root, 'docs/operations/runbooks.md'), 'utf8');
  const alerts = new Set([...rules.matchAll(/- alert: (\w+)$/gm)].map(([, name = '']) => name));
  assert.ok(alerts.size > 0);
  for (const name of alerts) {
    assert.ok(runbooks.includes(`\n## ${name}\n`), name);
    assert.ok(rules.includes(`runbook_url: docs/operations/runbooks.md#${name.toLowerCase()}\n`), name);
    if (name === 'HealthArchiveAutomationSilent') continue;
    assert.ok(
      all.some(([, { alert }]) => alert === name),
      `${name} is raised by no condition`,
    );
  }
});

const code = (text: string): string => `\`${text}\``;

test('docs: all conditions', async () => {
  const rows = all.map(([name, { sources: told, severity, meaning, next, alert }]) => [
    code(name),
    told.join(', '),
    severity,
    meaning,
    next,
    alert === undefined ? '–' : `[${alert.replace('HealthArchive', '')}](runbooks.md#${alert.toLowerCase()})`,
  ]);
  const head = ['code', 'told by', 'severity', 'what it means', 'what to do', 'alert'];
  await checkGeneratedPart('operations/conditions.md', markdownTable(head, rows));
});

for (const [source, page] of [
  ['recovery', 'storage-recovery.md'],
  ['tiering', 'storage-tiering.md'],
] as const) {
  test(`docs: what ${source} leaves alone`, async () => {
    const rows = all
      .filter(([, { sources: told }]) => told.includes(source))
      .map(([name, { meaning, next }]) => [code(name), meaning, next]);
    await checkGeneratedPart(page, markdownTable(['code', 'what it means', 'what to do'], rows));
  });
}
