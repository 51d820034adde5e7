/** What recovery remembers from run to run: `watchdog/storage-hotpath-auto-recover.json` in the state folder. */
import * as z from 'zod';
import type { Configuration } from '../config/schema.ts';
import { emptyMemory, lostMemory, type RecoveryMemory } from '../core/recovery/memory.ts';
import { readStateFile, writeStateFile } from '../effects/state-file.ts';
import { workerPaths } from '../worker/worker-paths.ts';

const stamp = z.number().int();
const since = z.strictObject({ bootId: z.string(), sinceBootMs: stamp });

const memorySchema: z.ZodType<RecoveryMemory> = z.object({
  recoveries: z.array(
    z.object({
      run: z.string(),
      atMs: stamp,
      paths: z.array(z.string()).nullable(),
      jobs: z.array(stamp),
      outcome: z.enum(['unfinished', 'done', 'failed']),
    }),
  ),
  incident: z
    .object({
      openedAtMs: stamp,
      healthySinceMs: stamp.nullable(),
      paths: z.array(z.string()),
      unproved: z.array(z.string()),
    })
    .nullable(),
  takenOff: z.array(
    z.object({
      path: z.string(),
      coldPath: z.string().nullable(),
      unit: z.string().nullable(),
      isRetried: z.boolean(),
    }),
  ),
  verified: z.array(z.object({ path: z.string(), atMs: stamp, released: z.array(stamp) })),
  releases: z.array(z.object({ jobId: stamp, atMs: stamp })),
  hung: z.record(z.string(), since),
  deployLock: since.nullable(),
});

export function memoryFile({ paths }: Pick<Configuration, 'paths'>): string {
  return workerPaths(paths.state_dir).recoveryMemory;
}

export interface ReadMemory {
  readonly memory: RecoveryMemory;
  /** Why it could not be read, without full stop; null if it could, or is not there yet. */
  readonly problem: string | null;
}

/** What can't be read counts as one recovery of everything that has just happened. Nothing is thrown. */
export function readMemory(file: string, nowMs: number): ReadMemory {
  const read = readStateFile(file, memorySchema);
  if (read.kind === 'read') return { memory: read.value, problem: null };
  if (read.kind === 'absent') return { memory: emptyMemory, problem: null };
  return { memory: lostMemory('unreadable', nowMs), problem: read.problem };
}

/** Durably: it has reached the disk when this returns. */
export function writeMemory(file: string, memory: RecoveryMemory): void {
  writeStateFile(file, memory);
}
