import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ESLint } from 'eslint';
import tseslint from 'typescript-eslint';

/*
 * The lint rule that keeps the arrows of ARCHITECTURE.md, held to snippets that break it. The rules that need types are
 * off: they are slow, and other ones.
 */
const root = fileURLToPath(new URL('../..', import.meta.url));
const eslint = new ESLint({
  cwd: root,
  overrideConfig: [
    tseslint.configs.disableTypeChecked,
    { languageOptions: { parserOptions: { projectService: false } } },
  ],
});

const layerRules = [
  'no-restricted-imports',
  'no-restricted-properties',
  'no-restricted-globals',
  'no-restricted-syntax',
];

/** The rules of layers that a file of this content would break. */
async function broken(filePath: string, code: string): Promise<string[]> {
  const [result] = await eslint.lintText(code, { filePath });
  const messages = result?.messages ?? [];
  const fatal = messages.find((message) => message.fatal === true);
  assert.equal(fatal, undefined, fatal?.message);
  return messages.map((message) => message.ruleId ?? '').filter((rule) => layerRules.includes(rule));
}

const use = (path: string) => `import { it } from '${path}';\nexport const used = it;\n`;

const offences: readonly (readonly [file: string, code: string, rule: string])[] = [
  ['src/core/jobs/x.ts', use('node:fs'), 'no-restricted-imports'],
  ['src/core/jobs/x.ts', use('node:crypto'), 'no-restricted-imports'],
  ['src/core/jobs/x.ts', use('kysely'), 'no-restricted-imports'],
  ['src/core/jobs/x.ts', use('../../effects/log.ts'), 'no-restricted-imports'],
  ['src/core/jobs/x.ts', use('../../store/database.ts'), 'no-restricted-imports'],
  ['src/core/jobs/x.ts', use('../../config/schema.ts'), 'no-restricted-imports'],
  ['src/core/jobs/x.ts', use('../../cli/table.ts'), 'no-restricted-imports'],
  ['src/core/x.ts', use('../worker/worker.ts'), 'no-restricted-imports'],
  ['src/core/jobs/x.ts', "export type { Log } from '../../effects/log.ts';\n", 'no-restricted-imports'],
  ['src/core/jobs/x.ts', 'export const now = Date.now();\n', 'no-restricted-properties'],
  ['src/core/jobs/x.ts', 'export const dice = Math.random();\n', 'no-restricted-properties'],
  ['src/core/jobs/x.ts', 'export const now = new Date();\n', 'no-restricted-syntax'],
  ['src/core/jobs/x.ts', 'export const env = process.env;\n', 'no-restricted-globals'],
  ['src/core/jobs/x.ts', 'setTimeout(() => undefined, 1);\n', 'no-restricted-globals'],
  ['src/core/jobs/x.ts', "export const page = fetch('http://x/');\n", 'no-restricted-globals'],
  ['src/core/jobs/x.ts', 'export const t = performance.now();\n', 'no-restricted-globals'],
  ['src/config/x.ts', use('../store/database.ts'), 'no-restricted-imports'],
  ['src/effects/x.ts', use('../store/database.ts'), 'no-restricted-imports'],
  ['src/effects/storage/x.ts', use('../../worker/worker.ts'), 'no-restricted-imports'],
  ['src/effects/x.ts', use('../config/schema.ts'), 'no-restricted-imports'],
  ['src/effects/x.ts', use('../hot-paths/observe.ts'), 'no-restricted-imports'],
  ['src/hot-paths/x.ts', use('../worker/worker.ts'), 'no-restricted-imports'],
  ['src/worker/x.ts', use('../tiering/apply-tiering.ts'), 'no-restricted-imports'],
  ['src/tiering/x.ts', use('../cli/table.ts'), 'no-restricted-imports'],
  ['src/core/recovery/x.ts', use('../../tiering/apply-tiering.ts'), 'no-restricted-imports'],
  ['src/store/x.ts', use('../config/schema.ts'), 'no-restricted-imports'],
  ['src/store/migrations/x.ts', use('../../cli/table.ts'), 'no-restricted-imports'],
  ['src/worker/x.ts', use('../cli/table.ts'), 'no-restricted-imports'],
  ['src/worker/x.ts', 'process.exit(1);\n', 'no-restricted-properties'],
  ['src/cli/x.ts', 'process.exit(1);\n', 'no-restricted-properties'],
  ['src/programs/launcher/x.ts', 'process.exit(1);\n', 'no-restricted-properties'],
  ['src/programs/launcher/x.ts', use('../../worker/worker.ts'), 'no-restricted-imports'],
  ['src/programs/crawler/x.ts', use('../launcher/main.ts'), 'no-restricted-imports'],
  ['src/programs/crawler/x.ts', use('../../store/database.ts'), 'no-restricted-imports'],
  ['src/programs/jobs-child/x.ts', use('../../cli/table.ts'), 'no-restricted-imports'],
  ['src/effects/x.ts', use('../programs/launcher/main.ts'), 'no-restricted-imports'],
  ['src/effects/storage/x.ts', use('../../programs/storage-child/main.ts'), 'no-restricted-imports'],
  ['src/cli/x.ts', use('../programs/crawler/main.ts'), 'no-restricted-imports'],
];

const fine: readonly (readonly [file: string, code: string])[] = [
  ['src/core/jobs/x.ts', use('./job.ts')],
  ['src/core/jobs/x.ts', use('../text/escape.ts')],
  ['src/core/recovery/x.ts', use('../tiering/decide-tiering.ts')],
  ['src/core/jobs/x.ts', 'export const at = new Date(0).toISOString();\n'],
  ['src/core/jobs/x.ts', "export const host = new URL('http://x/').host;\n"],
  [
    'src/config/x.ts',
    use('../core/errors.ts') + use('node:fs').replaceAll('it', 'that').replace('used', 'too'),
  ],
  ['src/effects/x.ts', use('../core/errors.ts')],
  ['src/effects/x.ts', use('node:fs')],
  ['src/store/x.ts', use('../core/errors.ts')],
  ['src/store/x.ts', use('kysely')],
  ['src/worker/x.ts', use('../store/database.ts')],
  ['src/worker/x.ts', use('../effects/log.ts')],
  ['src/cli/x.ts', use('../worker/worker.ts')],
  ['src/cli/x.ts', 'export const now = Date.now();\n'],
  ['src/main.ts', 'process.exit(1);\n'],
  ['src/programs/jobs-child/main.ts', 'process.exit(1);\n'],
  ['src/programs/jobs-child/x.ts', use('../../worker/stale-jobs.ts')],
  ['src/programs/launcher/x.ts', use('../../effects/log.ts')],
];

describe('layers: what the lint rule must catch', () => {
  for (const [file, code, rule] of offences) {
    test(`${file}: ${code.split('\n')[0] ?? ''}`, async () => {
      assert.deepEqual(await broken(file, code), [rule]);
    });
  }
});

describe('layers: what it must let through', () => {
  for (const [file, code] of fine) {
    test(`${file}: ${code.split('\n')[0] ?? ''}`, async () => {
      assert.deepEqual(await broken(file, code), []);
    });
  }
});
