import { lstat, lstatSync, type Stats } from 'node:fs';
import { inLanes } from '../../core/in-lanes.ts';
import type { PathKind } from '../../core/storage/lookup.ts';
import {
  lookupConcurrency,
  type ChildAnswer,
  type ChildRequest,
} from '../../effects/storage/child-protocol.ts';
import { errnoName } from '../../effects/storage/errno-name.ts';

type Answer = (line: ChildAnswer) => void;

/**
 * Looks up a random name in each directory, and the directory itself.
 * @param answerAtOnce for the first one, by which others may go
 */
export async function lookUp(
  { paths, name, stopOnErrnos, isLocal }: Extract<ChildRequest, { readonly operation: 'lookup' }>,
  answerAtOnce: Answer,
  answer: Answer,
): Promise<void> {
  const stat = isLocal ? statNow : statInPool;
  const [first, ...others] = [...paths.entries()];
  if (!first) return;
  const firstAnswer = await lookUpOne(...first, name, stat);
  answerAtOnce(firstAnswer);
  if (firstAnswer.kind === 'error' && stopOnErrnos.includes(firstAnswer.errno)) return;
  await inLanes(others, isLocal ? 1 : lookupConcurrency, async (next) => {
    answer(await lookUpOne(...next, name, stat));
  });
}

type Found = { readonly stats: Stats | null } | { readonly errno: string };
type Stat = (path: string) => Found | Promise<Found>;

async function lookUpOne(id: number, path: string, name: string, stat: Stat): Promise<ChildAnswer> {
  const begin = performance.now();
  const random = await stat(`${path === '/' ? '' : path}/${name}-${id}`);
  if ('errno' in random) return { kind: 'error', id, errno: random.errno };
  const tookMs = performance.now() - begin;
  // Only now: known names are answered from a cache, the random one was not.
  const self = await stat(path);
  if ('errno' in self) return { kind: 'error', id, errno: self.errno };
  return { kind: 'looked_up', id, path: self.stats ? kindOf(self.stats) : 'absent', tookMs };
}

function kindOf(stats: Stats): PathKind {
  if (stats.isSymbolicLink()) return 'symlink';
  return stats.isDirectory() ? 'directory' : 'other';
}

const statNow: Stat = (path) => {
  try {
    return { stats: lstatSync(path, { throwIfNoEntry: false }) ?? null };
  } catch (error) {
    return { errno: errnoName(error) };
  }
};

const statInPool: Stat = (path) =>
  new Promise((resolve) => {
    lstat(path, (error, stats) => {
      const errno = error ? errnoName(error) : null;
      if (errno === null) resolve({ stats });
      else resolve(errno === 'ENOENT' ? { stats: null } : { errno });
    });
  });
