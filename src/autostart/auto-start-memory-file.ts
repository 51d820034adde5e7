/** What auto-start remembers from run to run: `watchdog/worker-auto-start.json` in the state folder. */
import { join } from 'node:path';
import { z } from 'zod';
import type { Configuration } from '../config/schema.ts';
import {
  emptyAutoStartMemory,
  lostAutoStartMemory,
  type AutoStartMemory,
} from '../core/autostart/auto-start-memory.ts';
import { readStateFile } from '../effects/state-file.ts';

const stamp = z.number().int();
const since = z.strictObject({ bootId: z.string(), sinceBootMs: stamp });

const schema: z.ZodType<AutoStartMemory> = z.object({
  starts: z.array(z.object({ atMs: stamp })),
  deployLock: since.nullable(),
  seenRestarts: z.object({ bootId: z.string(), sinceBootMs: stamp, count: stamp }).nullable(),
});

export function autoStartMemoryFile({ paths }: Pick<Configuration, 'paths'>): string {
  return join(paths.state_dir, 'watchdog', 'worker-auto-start.json');
}

/** What can't be read counts as a start that has just happened. Nothing is thrown. */
export function readAutoStartMemory(
  file: string,
  nowMs: number,
): { readonly memory: AutoStartMemory; readonly isUnreadable: boolean } {
  const read = readStateFile(file, schema);
  if (read.kind === 'read') return { memory: read.value, isUnreadable: false };
  if (read.kind === 'absent') return { memory: emptyAutoStartMemory, isUnreadable: false };
  return { memory: lostAutoStartMemory(nowMs), isUnreadable: true };
}
