import { lstat, type Stats } from 'node:fs';
import { inLanes } from '../../core/in-lanes.ts';
import type { PathKind } from '../../core/storage/lookup.ts';
import {
  lookupConcurrency,
  type ChildAnswer,
  type LookupTarget,
} from '../../effects/storage/child-protocol.ts';
import { errnoName } from '../../effects/storage/errno-name.ts';

export async function lookUp(
  targets: readonly LookupTarget[],
  stopOnErrnos: readonly string[],
  answer: (line: ChildAnswer) => void,
): Promise<void> {
  const [first, ...others] = [...targets.entries()];
  if (!first) return;
  const firstAnswer = await lookUpOne(...first);
  answer(firstAnswer);
  if (firstAnswer.kind === 'error' && stopOnErrnos.includes(firstAnswer.errno)) return;
  await inLanes(others, lookupConcurrency, async (next) => {
    answer(await lookUpOne(...next));
  });
}

async function lookUpOne(id: number, { path, name }: LookupTarget): Promise<ChildAnswer> {
  const begin = performance.now();
  const random = await lstatOf(path === '/' ? `/${name}` : `${path}/${name}`);
  if (random.errno !== null && random.errno !== 'ENOENT') return { kind: 'error', id, errno: random.errno };
  const tookMs = performance.now() - begin;
  // Only now: known names are answered from a cache, the random one was not.
  const self = await lstatOf(path);
  if (self.errno !== null && self.errno !== 'ENOENT') return { kind: 'error', id, errno: self.errno };
  return { kind: 'looked_up', id, path: self.stats ? kindOf(self.stats) : 'absent', tookMs };
}

function kindOf(stats: Stats): PathKind {
  if (stats.isSymbolicLink()) return 'symlink';
  return stats.isDirectory() ? 'directory' : 'other';
}

function lstatOf(path: string): Promise<{ errno: string | null; stats: Stats | null }> {
  return new Promise((resolve) => {
    lstat(path, (error, stats) => {
      resolve(error ? { errno: errnoName(error), stats: null } : { errno: null, stats });
    });
  });
}
