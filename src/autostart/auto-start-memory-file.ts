/** What auto-start remembers from run to run: `watchdog/worker-auto-start.json` in the state folder. */
import { join } from 'node:path';
import { z } from 'zod';
import type { Configuration } from '../config/schema.ts';
import {
  emptyAutoStartMemory,
  lostAutoStartMemory,
  type AutoStartMemory,
} from '../core/autostart/auto-start-memory.ts';
import { readStateFile, setAside } from '../effects/state-file.ts';

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

/** What can't be read counts as a start that has just happened. */
export function readAutoStartMemory(configuration: Configuration, nowMs: number): AutoStartMemory {
  const read = readStateFile(autoStartMemoryFile(configuration), schema);
  if (read.kind === 'read') return read.value;
  return read.kind === 'absent' ? emptyAutoStartMemory : lostAutoStartMemory(nowMs);
}

/** As it must be before it is written: a file that could not be understood is kept under another name, which is returned. */
export function setUnreadableAside(configuration: Configuration): string | null {
  const file = autoStartMemoryFile(configuration);
  return readStateFile(file, schema).kind === 'unreadable' ? setAside(file) : null;
}
