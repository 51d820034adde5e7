import { randomBytes } from 'node:crypto';
import { superblockErrnos } from '../../core/storage/path-state.ts';
import type { FailedLookup, Lookup } from '../../core/storage/lookup.ts';
import type { Mount } from '../../core/storage/mountinfo.ts';
import { isNetworkFileSystem } from '../../core/storage/network-file-system.ts';
import { askChild, type AskOptions, type ChildRun } from './ask-child.ts';

export interface SuperblockProbe {
  /** Set when the whole superblock failed: then no path on it was asked, and this is the answer for all. */
  readonly failure: FailedLookup | null;
  readonly lookups: ReadonlyMap<string, Lookup>;
}

/** A name that no cache can know. Hidden, and telling what it is, should someone see it in a server's log. */
export function randomName(): string {
  return `.healtharchive-probe-${randomBytes(12).toString('hex')}`;
}

/**
 * Asks one superblock through one child: on a network file system its mount point first, since a dead one makes
 * everything on it dead; then the paths.
 */
export async function probeSuperblock(
  mount: Mount,
  paths: readonly string[],
  staleErrnos: readonly string[],
  options: Omit<AskOptions, 'mount'>,
): Promise<SuperblockProbe> {
  const isNetwork = isNetworkFileSystem(mount.fstype);
  const others = paths.filter((path) => !isNetwork || path !== mount.mountPoint);
  const asked = isNetwork ? [mount.mountPoint, ...others] : others;
  const stopOnErrnos = isNetwork ? superblockErrnos(staleErrnos, mount.root) : [];
  const run = await askChild(
    {
      operation: 'lookup',
      paths: asked,
      name: randomName(),
      stopOnErrnos,
      isLocal: !isNetwork,
    },
    { ...options, mount },
  );
  const lookups = readLookups(run, asked);
  const first = lookups.get(asked[0] ?? '');
  const isFailed =
    isNetwork &&
    (first?.kind === 'timed_out' ||
      first?.kind === 'still_blocked' ||
      (first?.kind === 'error' && stopOnErrnos.includes(first.errno)));
  return { failure: isFailed ? first : null, lookups };
}

function readLookups(run: ChildRun, asked: readonly string[]): Map<string, Lookup> {
  const lookups = new Map<string, Lookup>();
  for (const answer of run.answers) {
    if (answer.kind === 'looked_up') {
      lookups.set(asked[answer.id] ?? '', {
        kind: 'answered',
        path: answer.path,
        tookMs: answer.tookMs,
      });
    } else if (answer.kind === 'error') {
      lookups.set(asked[answer.id] ?? '', { kind: 'error', errno: answer.errno });
    }
  }
  const unanswered: Lookup =
    run.ended.kind === 'done' ? { kind: 'not_asked', detail: 'the probe program left it out' } : run.ended;
  for (const path of asked) if (!lookups.has(path)) lookups.set(path, unanswered);
  return lookups;
}
