import type { FreeSpace } from '../core/storage/free-space.ts';
import type { Mount } from '../core/storage/mountinfo.ts';
import { isNetworkFileSystem } from '../core/storage/network-file-system.ts';
import { isNormalised } from '../core/storage/path-relation.ts';
import type { WriteCheck, WriteStep } from '../core/storage/write-check.ts';
import { readMountTable } from './read-mounts.ts';
import { askChild, startTheClock, type ChildRun } from './storage/ask-child.ts';
import type { ChildAnswer, ChildRequest } from './storage/child-protocol.ts';
import { canonicalise } from './storage/canonicalise.ts';
import { lookUpPaths } from './storage/look-up-paths.ts';
import { randomName } from './storage/probe-superblock.ts';

/** Single questions to storage, each through a disposable child and bounded like a probe. */

export interface AccessOptions {
  /** For each answer: storage that is silent is given up after it, and a second at most. */
  readonly timeoutMs: number;
  /** As in StorageQuestion. */
  readonly stuckDir: string | null;
  /** How many such questions may be put to a superblock at a time; default 1. */
  readonly lanes?: number;
}

type Unanswered = Exclude<ChildRun['ended'], { readonly kind: 'done' }>;
type Answer = Exclude<ChildAnswer, { readonly kind: 'ready' | 'doing' | 'done' }>;
type Failed = { readonly kind: 'error'; readonly errno: string } | Unanswered;

/**
 * Writes, syncs, reads back and removes a small file in the directory. `orAbove`: while it is not made yet, where it will be made.
 * `asUser`: become that user first, for which we must be root.
 */
export async function checkWritable(
  directory: string,
  options: AccessOptions & {
    readonly orAbove?: boolean;
    readonly asUser?: { readonly uid: number; readonly gid: number };
  },
): Promise<WriteCheck> {
  const request = { operation: 'write_check', name: randomName(), user: options.asUser ?? null } as const;
  const { answer, step } = await ask(directory, options, (path, mountPoint) => ({
    ...request,
    directory: path,
    top: options.orAbove === true ? mountPoint : null,
  }));
  switch (answer.kind) {
    case 'written':
      return { kind: 'ok' };
    case 'corrupt':
      return { kind: 'corrupt' };
    case 'write_error':
      return { kind: 'error', step: answer.step, errno: answer.errno, freeBytes: answer.freeBytes };
    case 'error':
      return { kind: 'error', step: 'create', errno: answer.errno, freeBytes: null };
    case 'timed_out':
      return { kind: 'timed_out', step };
    case 'still_blocked':
    case 'not_asked':
      return answer;
    default:
      return unexpected;
  }
}

/** What may still be used of the file system that the path lies on; null where it tells no size. */
export async function freeSpace(
  path: string,
  options: AccessOptions,
): Promise<{ readonly kind: 'free'; readonly space: FreeSpace | null } | Failed> {
  const { answer } = await ask(path, options, (canonical) => ({ operation: 'statfs', path: canonical }));
  if (answer.kind === 'statfs') return { kind: 'free', space: answer.space };
  return answer.kind === 'error' ? { kind: 'error', errno: answer.errno } : asUnanswered(answer);
}

export type Canonical = { readonly kind: 'canonical'; readonly path: string } | Failed;

/**
 * Each path with every symbolic link in its parent resolved; the last name stays as it is, so it may be absent. Parts that are absent are
 * kept as they are. One question for all paths, and one more for each network mount that some of them lie on.
 */
export async function canonicalPaths(
  paths: readonly string[],
  { timeoutMs, stuckDir, lanes = 1 }: AccessOptions,
): Promise<readonly Canonical[]> {
  const options = startTheClock(timeoutMs, stuckDir);
  const table = readMountTable();
  const local = await canonicalise(paths, [], table, options);
  const found = new Map<string, Canonical>();
  const onMount = new Map<Mount, string[]>();
  for (const path of new Set(paths)) {
    const failure = local.failureOf(path);
    const canonical = local.of(path);
    const mount = table.covering(canonical);
    if (failure?.kind === 'error') found.set(path, { kind: 'error', errno: failure.errno });
    else if (failure?.kind === 'not_asked') found.set(path, failure);
    // On local disks all of the way has been walked.
    else if (mount === undefined || !isNetworkFileSystem(mount.fstype))
      found.set(path, { kind: 'canonical', path: canonical });
    else onMount.set(mount, [...(onMount.get(mount) ?? []), path]);
  }
  await Promise.all(
    [...onMount].map(async ([mount, there]) => {
      const asked = there.map((path) => local.of(path));
      const run = await askChild(
        { operation: 'canonicalise', paths: asked, stopAt: [] },
        { ...options, mount, lanes },
      );
      for (const answer of run.answers) {
        const path = 'id' in answer ? there[answer.id] : undefined;
        if (path === undefined) continue;
        if (answer.kind === 'canonical') found.set(path, { kind: 'canonical', path: answer.path });
        if (answer.kind === 'error') found.set(path, { kind: 'error', errno: answer.errno });
      }
      const missing = run.ended.kind === 'done' ? unexpected : run.ended;
      for (const path of there) if (!found.has(path)) found.set(path, missing);
    }),
  );
  return paths.map((path) => found.get(path) ?? unexpected);
}

/** Those of the paths that are files, or lie below one: they can't be directories. What does not answer in time is not among them. */
export async function filesAmong(paths: readonly string[], options: AccessOptions): Promise<string[]> {
  const clock = startTheClock(options.timeoutMs, options.stuckDir);
  const lookups = await lookUpPaths(paths, readMountTable(), [], clock);
  return paths.filter((path) => {
    const lookup = lookups.get(path);
    return lookup?.kind === 'error' && lookup.errno === 'ENOTDIR';
  });
}

const unexpected = { kind: 'not_asked', detail: 'the probe program gave no answer' } as const;

function isUnanswered(answer: Answer | Unanswered): answer is Unanswered {
  return answer.kind === 'timed_out' || answer.kind === 'still_blocked' || answer.kind === 'not_asked';
}

function asUnanswered(answer: Answer | Unanswered): Unanswered {
  return isUnanswered(answer) ? answer : unexpected;
}

/** The answer, and the last step that was begun. */
interface Asked {
  readonly answer: Answer | Unanswered;
  readonly step: WriteStep | null;
}

/** Finds the superblock that answers for the path, so that it is never asked twice at a time, and asks. */
async function ask(
  path: string,
  { timeoutMs, stuckDir, lanes = 1 }: AccessOptions,
  requestFor: (canonicalPath: string, mountPoint: string) => ChildRequest,
): Promise<Asked> {
  const options = startTheClock(timeoutMs, stuckDir);
  const ended = (answer: Asked['answer']): Asked => ({ answer, step: null });
  if (!path.startsWith('/')) return ended({ kind: 'not_asked', detail: 'the path is not absolute' });
  const table = readMountTable();
  const paths = await canonicalise([path], [], table, options);
  const failure = paths.failureOf(path);
  if (failure?.kind === 'error') return ended({ kind: 'error', id: 0, errno: failure.errno });
  if (failure?.kind === 'not_asked') return ended(failure);
  const canonical = paths.of(path);
  const mount = isNormalised(canonical) ? (table.covering(canonical) ?? null) : null;
  const run = await askChild(requestFor(canonical, mount?.mountPoint ?? '/'), { ...options, mount, lanes });
  let step: WriteStep | null = null;
  for (const line of run.answers) {
    if (line.kind === 'doing') step = line.step;
    else if (line.kind !== 'ready' && line.kind !== 'done') return { answer: line, step };
  }
  return { answer: run.ended.kind === 'done' ? unexpected : run.ended, step };
}
