import type { DeployLockState } from '../deploy-gate.ts';
import type { CheckCode, Finding } from './checks.ts';

/** A folder or file that somebody needs, as it is for that user. */
export interface SeenAccess {
  readonly path: string;
  readonly user: string;
  readonly needs: 'write' | 'read';
  readonly isAllowed: boolean;
}

export interface HostFacts {
  readonly nowMs: number;
  /** Of local disks, by what is on them. */
  readonly disks: readonly { readonly path: string; readonly freePercent: number }[];
  readonly minFreePercent: number;
  readonly deployLock: DeployLockState;
  readonly deployLockPath: string;
  /** For how long its file has not been touched; null: not known. */
  readonly deployLockAgeMs: number | null;
  readonly access: readonly SeenAccess[];
  /** Files that only we write, and that are not what they should be (a lock that is a link or a folder). */
  readonly oddFiles: readonly string[];
  /** Whether the kernel's clock is kept by a server; null: not known. */
  readonly isSynchronised: boolean | null;
  /** The latest time that we have written down ourselves; null: none. */
  readonly latestStampMs: number | null;
}

export const hostCodes: readonly CheckCode[] = ['local_space', 'deploy_lock', 'state_files', 'clock'];

/** What two clocks of one machine may differ by, and a file be late. */
const clockSlackMs = 60_000;

/** What is off about disks, locks, state files and the clock. */
export function hostFindings(facts: HostFacts): Finding[] {
  return [...spaceFindings(facts), ...deployFindings(facts), ...fileFindings(facts), ...clockFindings(facts)];
}

function spaceFindings({ disks, minFreePercent }: HostFacts): Finding[] {
  return disks
    .filter(({ freePercent }) => freePercent < minFreePercent)
    .map(({ path, freePercent }) => ({
      code: 'local_space',
      detail: `the disk of ${path} has ${freePercent.toFixed(1)} % left; below ${minFreePercent} % the worker starts nothing`,
      fix: 'make room; or [worker] min_free_percent, if the disk is large',
    }));
}

function deployFindings({ deployLock, deployLockPath, deployLockAgeMs }: HostFacts): Finding[] {
  if (deployLock === 'free') return [];
  if (deployLock === 'unknown')
    return [
      {
        code: 'deploy_lock',
        detail: `${deployLockPath} is no plain file: whether a deploy runs is not known`,
        fix: `look what lies at ${deployLockPath}`,
      },
    ];
  const age =
    deployLockAgeMs === null ? '' : `; its file is ${Math.round(deployLockAgeMs / 60_000)} minutes old`;
  return [
    {
      code: 'deploy_lock',
      detail: `somebody holds ${deployLockPath}: automations only look meanwhile${age}`,
      fix: `fuser -v ${deployLockPath}`,
    },
  ];
}

function fileFindings({ access, oddFiles }: HostFacts): Finding[] {
  return [
    ...access
      .filter(({ isAllowed }) => !isAllowed)
      .map(({ path, user, needs }): Finding => ({
        code: 'state_files',
        detail: `user ${user} can’t ${needs} ${path}`,
        fix: needs === 'write' ? `chown ${user} ${path}` : `chmod o+r ${path}`,
      })),
    ...oddFiles.map((path): Finding => ({
      code: 'state_files',
      detail: `${path} is no plain file, or a link`,
      fix: 'look what it is, and move it away',
    })),
  ];
}

function clockFindings({ nowMs, isSynchronised, latestStampMs }: HostFacts): Finding[] {
  if (latestStampMs !== null && latestStampMs > nowMs + clockSlackMs) {
    const minutes = Math.round((latestStampMs - nowMs) / 60_000);
    return [
      {
        code: 'clock',
        detail: `the clock is ${minutes} minutes before what was written down here already`,
        fix: 'timedatectl; set the clock',
      },
    ];
  }
  return isSynchronised === false
    ? [
        {
          code: 'clock',
          detail: 'no time server keeps the clock',
          fix: 'apt-get install systemd-timesyncd; timedatectl set-ntp true',
        },
      ]
    : [];
}
