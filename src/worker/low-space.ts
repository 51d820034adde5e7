import { freeSpace } from '../effects/storage-access.ts';
import type { WorkerPaths } from './worker-paths.ts';

/** A local folder with less free space than the worker wants. */
export interface LowSpace {
  readonly path: string;
  readonly freePercent: number;
}

/**
 * The first of the folders that lies on a disk with less than `minimumPercent` free, or null. A folder that does not exist
 * yet, or a file system that tells no size, has enough.
 */
export async function findLowSpace(
  folders: readonly string[],
  minimumPercent: number,
  paths: WorkerPaths,
  timeoutMs: number,
): Promise<LowSpace | null> {
  if (minimumPercent === 0) return null;
  const answers = await Promise.all(
    folders.map((path) => freeSpace(path, { timeoutMs, stuckDir: paths.stuckProbes })),
  );
  for (const [index, answer] of answers.entries()) {
    if (answer.kind !== 'free' || answer.space === null) continue;
    const { percent } = answer.space;
    if (percent < minimumPercent) return { path: folders[index] ?? '', freePercent: percent };
  }
  return null;
}
