import type { StorageState } from '../storage/path-state.ts';
import type { CheckCode, Finding } from './checks.ts';

export interface SeenPlace {
  readonly path: string;
  readonly state: StorageState;
  /** A sentence. */
  readonly reason: string;
}

/** Whether the worker's user can write there. */
export interface SeenWrite {
  readonly path: string;
  /** Null: it can. */
  readonly problem: string | null;
}

export interface StorageFacts {
  readonly user: string;
  /** Null: no storage box. */
  readonly base:
    | (SeenPlace & {
        readonly unit: string;
        readonly options: readonly string[] | null;
        readonly fstype: string | null;
      })
    | null;
  /** Why the base's unit can't mount it, as its journal tells; null: it does not. */
  readonly refused: { readonly meaning: string; readonly next: string; readonly line: string } | null;
  readonly paths: readonly SeenPlace[];
  readonly writes: readonly SeenWrite[];
  /** Paths with files under their mounts. */
  readonly shadowed: readonly string[];
  readonly foreign: readonly string[];
  readonly manifestProblems: readonly { readonly line: number | null; readonly message: string }[];
  readonly manifest: string;
  readonly baseFreePercent: number | null;
}

export const storageCodes: readonly CheckCode[] = [
  'hot_paths',
  'writable',
  'shadowed',
  'foreign_mounts',
  'manifest',
];
export const storageboxCodes: readonly CheckCode[] = ['base', 'allow_other', 'storagebox_space'];

const status = 'healtharchive storage status';
/** Below it a campaign does not end well; the crawls themselves go on until it is full. */
const leastFreePercent = 5;

/** What is off about the box and the hot paths; a state other than healthy is told once for each. */
export function storageFindings(facts: StorageFacts): Finding[] {
  return [
    ...baseFindings(facts),
    // With the base away, every path on it is told of by that.
    ...facts.paths
      .filter(({ state }) => state !== 'healthy')
      .map(({ path, state, reason }): Finding => ({
        code: 'hot_paths',
        detail: `${path} is ${state}: ${reason}`,
        fix: status,
      })),
    ...facts.writes.flatMap(({ path, problem }): Finding[] =>
      problem === null
        ? []
        : [
            {
              code: 'writable',
              detail: `user ${facts.user} can’t write to ${path}: ${problem}`,
              fix: `runuser -u ${facts.user} -- touch ${path}/.check`,
            },
          ],
    ),
    ...facts.shadowed.map((path): Finding => ({
      code: 'shadowed',
      detail: `files lie in the local directory under ${path}; they may be the only copy`,
      fix: 'docs/storage-tiering.md, "Files under a mount"',
    })),
    ...facts.foreign.map((path): Finding => ({
      code: 'foreign_mounts',
      detail: `something is mounted at ${path}, inside a hot path`,
      fix: `findmnt ${path}; unmount it, or give it a line of its own`,
    })),
    ...facts.manifestProblems.map(({ line, message }): Finding => ({
      code: 'manifest',
      detail: line === null ? message : `${facts.manifest}, line ${line}: ${message}`,
      fix: `mend ${facts.manifest}`,
    })),
  ];
}

function baseFindings({ base, refused, baseFreePercent, user }: StorageFacts): Finding[] {
  if (base === null) return [];
  if (base.state !== 'healthy') {
    const why = refused === null ? base.reason : `${refused.meaning} (${refused.line})`;
    return [
      {
        code: 'base',
        detail: `${base.path} is ${base.state}: ${why}`,
        fix: refused === null ? `${status}; journalctl -n 40 -u ${base.unit}` : refused.next,
      },
    ];
  }
  const findings: Finding[] = [];
  const isFuse = base.fstype?.startsWith('fuse') === true;
  if (isFuse && base.options !== null && !base.options.includes('allow_other'))
    findings.push({
      code: 'allow_other',
      detail: `${base.path} is mounted without allow_other: nobody but root may enter it, and not user ${user}`,
      fix: 'add allow_other to STORAGEBOX_OPTIONS in /etc/healtharchive/storagebox.env, then restart the unit',
    });
  if (baseFreePercent !== null && baseFreePercent < leastFreePercent)
    findings.push({
      code: 'storagebox_space',
      detail: `${base.path} has ${baseFreePercent.toFixed(1)} % left`,
      fix: 'a larger box, or move finished years elsewhere',
    });
  return findings;
}
