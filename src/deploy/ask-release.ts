import { join } from 'node:path';
import { OperatorError } from '../core/errors.ts';
import { releases } from '../core/install/layout.ts';
import type { RunBuildCommand } from './build-commands.ts';

const answerMs = 120_000;

/** The program of a release, whether it is in use or not. */
export function programOf(release: string): string {
  return join(releases, release, 'bin/healtharchive');
}

/**
 * Asks a release's own program: what belongs to it, and how it is put in use, each release knows itself.
 * @param user whose the command is run as; null: root's
 * @param mayEndWith statuses that are no failure, beside 0
 * @returns the JSON document
 * @throws OperatorError when it ends otherwise, or answers with something else
 */
export async function askRelease(
  run: RunBuildCommand,
  release: string,
  args: readonly string[],
  {
    user = null,
    mayEndWith = [],
  }: { readonly user?: string | null; readonly mayEndWith?: readonly number[] } = {},
): Promise<unknown> {
  const argv = [programOf(release), ...args, '--json'] as const;
  const { code, stdout, stderr } = await run(
    user === null ? argv : ['runuser', '-u', user, '--', ...argv],
    answerMs,
    {
      mayFail: true,
    },
  );
  const what = `healtharchive ${args.join(' ')} of release ${release}`;
  if (code !== 0 && !mayEndWith.includes(code))
    throw new OperatorError(`${what} ended with ${code}: ${lastWords(stderr)}`);
  try {
    return JSON.parse(stdout) as unknown;
  } catch {
    throw new OperatorError(`${what} gave no answer that can be read: ${lastWords(stderr)}`);
  }
}

function lastWords(stderr: string): string {
  const said = stderr.trim();
  return said === '' ? 'it says nothing' : said.split('\n').slice(-5).join('\n');
}
