/** What `script/lab` puts into a fresh host, so that there is something to break. */
import { bindHotPath, sshfsHotPath } from './hot-path.ts';
import type { StorageBox } from './storage-box.ts';

/** Returns lines that tell a person what is there. */
export async function furnish(box: StorageBox): Promise<string[]> {
  const bound = await bindHotPath(box.host, 'hc-2026');
  const direct = await sshfsHotPath(box, 'special');
  const line = (path: string, what: string): string => `${path.padEnd(34)} ${what}`;
  return [
    line(box.base, `the storage box (${box.unit})`),
    line(bound, 'a hot path: bind of its cold path in the box'),
    line(direct.path, `a hot path with a mount of its own (${direct.unit})`),
    ...(await furnishJobs()),
  ];
}

/** The place for three jobs and the running worker, as soon as there is a worker to install. */
async function furnishJobs(): Promise<string[]> {
  return await Promise.resolve([]);
}
