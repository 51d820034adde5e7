import { test } from 'node:test';
import { exitStatuses } from '../../src/cli/exit-status.ts';
import { checkGeneratedPart, markdownTable } from './generated-docs.ts';

test('docs/exit-status.md has every exit status, in order of precedence', async () => {
  const rows = Object.values(exitStatuses).map(({ code, meaning }) => [String(code), meaning]);
  await checkGeneratedPart('exit-status.md', markdownTable(['status', 'meaning'], rows));
});
