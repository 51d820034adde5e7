import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import type { LifeReport } from '../../core/crawler/crawl-report.ts';
import { writeFileAtomically } from '../../effects/small-file.ts';
import { removalArguments } from '../../core/crawler/container.ts';

const everyMs = 10_000;

/**
 * Says in a LifeReport how much a container has archived so far: of another crawler nothing else shows that it comes forward. Storage
 * is asked by Node's threads, so that one that hangs holds up nothing but this.
 * @param workDir relative to the working directory, which is the output directory
 */
export function watchContainer(
  attempt: string,
  workDir: string,
  reportFile: string,
): { readonly end: () => void } {
  let isBusy = false;
  const look = async (): Promise<void> => {
    if (isBusy) return;
    isBusy = true;
    try {
      const bytes = await sizeOfWarcs(workDir);
      const report: LifeReport = { attempt, lifeSigns: bytes, bytes };
      writeFileAtomically(reportFile, `${JSON.stringify(report)}\n`);
    } catch {
      // Unknown: then the last word stands.
    }
    isBusy = false;
  };
  const timer = setInterval(() => void look(), everyMs);
  return {
    end: () => {
      clearInterval(timer);
    },
  };
}

async function sizeOfWarcs(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile() && /\.warc(\.gz)?$/.test(entry.name))
      bytes += (await stat(join(entry.parentPath, entry.name))).size;
  return bytes;
}

/** An engine that hangs on dead storage is not waited for any longer. */
const REMOVE_DEADLINE_MS = 30_000;

/** `ENGINE rm -f NAME`: a container lives on when the program that started it is killed. */
export async function removeContainer(engine: string, name: string): Promise<void> {
  const child = spawn(engine, removalArguments(engine, name), { stdio: 'ignore', detached: true });
  await new Promise<void>((resolve) => {
    const deadline = setTimeout(resolve, REMOVE_DEADLINE_MS);
    const end = (): void => {
      clearTimeout(deadline);
      resolve();
    };
    child.once('error', end).once('exit', end);
  });
  child.unref();
}
