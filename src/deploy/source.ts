import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { OperatorError, UsageError } from '../core/errors.ts';
import type { WantedRelease } from '../core/deploy/deploy-world.ts';
import { escapeToWidth } from '../core/text/escape.ts';
import { redact } from '../core/text/redact.ts';
import type { RunBuildCommand } from './build-commands.ts';

/** Where a program comes from: a folder or an address that git-fetch(1) takes, and a branch, a tag or a whole commit of it. */
export interface DeploySource {
  readonly from: string;
  readonly ref: string;
}

const fetchMs = 10 * 60_000;
const showMs = 10_000;

/** How much of a commit's name is enough to know it by. */
const nameLength = 12;

/**
 * Fetches one commit, without its history, into a new folder, and checks it out. Only what was committed: a clean clone.
 * @throws UsageError when there is no such repository or no such commit in it; OperatorError when it is no HealthArchive
 */
export async function fetchSource(
  { from, ref }: DeploySource,
  folder: string,
  run: RunBuildCommand,
): Promise<WantedRelease> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  // No housekeeping in the background: it would hold the deploy lock after the deploy.
  const git = ['git', '-C', folder, '-c', 'gc.auto=0', '-c', 'maintenance.auto=false'] as const;
  await run([...git, 'init', '--quiet'], showMs);
  // Never asks for a name or a password: without a terminal nobody could answer.
  const fetched = await run(
    [...git, 'fetch', '--quiet', '--depth=1', '--no-tags', '--', from, ref],
    fetchMs,
    { mayFail: true },
  );
  if (fetched.code !== 0) {
    // Beside it git gives advice, about keys and the like.
    const lines = redact(fetched.stderr).trim().split('\n');
    const said = (lines.find((line) => line.startsWith('fatal: ')) ?? lines.at(-1) ?? '').replace(
      'fatal: ',
      '',
    );
    throw new UsageError(
      `${shown(ref)} of ${shown(from)} can’t be fetched: ${escapeToWidth(said, 300)}`,
      'give a branch, a tag or a whole commit name with --ref, and a git repository that root can read with --from',
    );
  }
  await run([...git, 'checkout', '--quiet', '--detach', 'FETCH_HEAD'], fetchMs);
  const { stdout } = await run([...git, 'log', '-1', '--format=%H%n%s'], showMs);
  const [commit = '', subject = ''] = stdout.split('\n');
  const name = commit.slice(0, nameLength);
  return {
    name,
    from: `${redact(from)} ${ref}`,
    title: `${versionIn(folder, from)}, commit ${name} “${escapeToWidth(subject, 60)}”`,
  };
}

function versionIn(folder: string, from: string): string {
  try {
    const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
      readonly name?: unknown;
      readonly version?: unknown;
    };
    if (name === 'healtharchive' && typeof version === 'string') return version;
  } catch {
    // As if it were another program.
  }
  throw new OperatorError(`${shown(from)} is not HealthArchive: its package.json does not say so.`);
}

const shown = (text: string): string => escapeToWidth(redact(text), 200);
