import { lstatSync } from 'node:fs';
import { join } from 'node:path';

export const sentinelNames = ['storage-hotpath-auto-recover-enabled', 'worker-auto-start-enabled'] as const;
export type SentinelName = (typeof sentinelNames)[number];

/** Whether an automation is switched on: its file is there. A link or a folder in its place is not it. */
export function hasSentinel(folder: string, name: SentinelName): boolean {
  try {
    return lstatSync(join(folder, name)).isFile();
  } catch {
    return false;
  }
}
