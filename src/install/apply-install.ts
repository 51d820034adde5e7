import { chmodSync, chownSync, lchownSync, mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import type { InstallStep, InstallWorld } from '../core/install/decide-install.ts';
import type { Ids, Wanted } from '../core/install/layout.ts';
import type { StepResult } from '../core/plan.ts';
import { must } from '../effects/command.ts';
import { syncFolder, writeFileAtomically } from '../effects/small-file.ts';
import { makeRelease } from './release.ts';

const root: Ids = { uid: 0, gid: 0 };

/** Carries the steps out, one after another; after one that failed the others are left. */
export async function applyInstall(
  steps: readonly InstallStep[],
  { users }: InstallWorld,
): Promise<StepResult<InstallStep>[]> {
  const results: StepResult<InstallStep>[] = [];
  // Root's own may close to others what they must read: a folder above the manual, above the alert rules.
  process.umask(0o022);
  for (const step of steps) {
    const beganMs = performance.now();
    const end = (outcome: StepResult<InstallStep>['outcome'], error: string | null): void => {
      results.push({ step, outcome, error, durationMs: performance.now() - beganMs });
    };
    if (results.some(({ outcome }) => outcome === 'failed')) {
      end('skipped', 'a step before it failed');
      continue;
    }
    try {
      await carryOut(step, users);
      end('done', null);
    } catch (error) {
      end('failed', error instanceof Error ? error.message : String(error));
    }
  }
  return results;
}

async function carryOut(
  { kind, wanted, before }: InstallStep,
  users: ReadonlyMap<string, Ids>,
): Promise<void> {
  if (kind === 'reload') await must(['systemctl', 'daemon-reload']);
  if (wanted === undefined) return;
  switch (wanted.kind) {
    case 'user':
      await addUser(wanted);
      return;
    case 'folder':
      if (kind === 'folder') mkdirSync(wanted.path, { mode: 0o700 });
      own(wanted.path, wanted.owner === 'root' ? root : users.get(wanted.owner), wanted.mode);
      return;
    case 'file':
      if (kind === 'file') {
        // Before the other is there, as a link would: no moment without the file.
        if (before !== undefined) writeFileAtomically(`${wanted.path}~`, before, 0o600);
        mkdirSync(dirname(wanted.path), { recursive: true, mode: 0o755 });
        writeFileAtomically(wanted.path, wanted.text, wanted.mode);
      }
      own(wanted.path, root, wanted.mode);
      return;
    case 'link':
      link(wanted);
      return;
    case 'release':
      await makeRelease(wanted.path);
  }
}

/** A system user with a group and a home of its own (useradd(8)), for a container engine that keeps its images there. */
async function addUser({ name, home }: Wanted & { kind: 'user' }): Promise<void> {
  await must([
    'useradd',
    '--system',
    '--user-group',
    '--create-home',
    `--home-dir=${home}`,
    '--shell=/usr/sbin/nologin',
    '--',
    name,
  ]);
}

/** Whose it is, and its mode, in any case. */
function own(path: string, ids: Ids | undefined, mode: number): void {
  if (ids === undefined) throw new Error(`whose ${path} should be is not there`);
  chownSync(path, ids.uid, ids.gid);
  chmodSync(path, mode);
}

/** At once: whoever follows it meanwhile finds the one or the other. */
function link({ path, target }: Wanted & { kind: 'link' }): void {
  const temporary = `${path}.new`;
  rmSync(temporary, { force: true });
  symlinkSync(target, temporary);
  lchownSync(temporary, root.uid, root.gid);
  renameSync(temporary, path);
  syncFolder(dirname(path));
}
