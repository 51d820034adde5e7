import { rmSync, writeFileSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../effects/command.ts';

const deadlineMs = 5000;

/** What changes in a file, as `diff -u` shows it; empty when diff(1) can't be asked. */
export async function diffOf(path: string, before: string, after: string): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'healtharchive-diff-'));
  try {
    const old = join(folder, 'old');
    writeFileSync(old, before);
    const argv = ['diff', '-u', `--label=${path}`, `--label=${path} (shipped)`, old, '-'] as const;
    const result = await runCommand(argv, { deadlineMs, stdin: after });
    return result.kind === 'exited' ? result.stdout.replace(/\n$/, '').split('\n') : [];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
