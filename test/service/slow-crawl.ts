/** A crawl that is under way while something happens to its worker. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { TestContext } from 'node:test';
import { startSite } from '../../lab/site.ts';
import { Setup, type JobView, type StartedWorker } from './setup.ts';

/** A crawl that lasts until it is stopped, or about `pages` × 100 ms. */
export async function slowCrawl(
  t: TestContext,
  pages: number,
  worker = 'poll_seconds = 0.2\nstop_grace_seconds = 10',
) {
  const site = await startSite({ pages, delayMs: 100 });
  t.after(() => site.close());
  const setup = new Setup(t, { worker });
  setup.addSource('hc', `${site.url}en/`);
  return { site, setup, id: setup.addJob('hc').id };
}

export const isCrawling = (job: JobView) => job.status === 'running' && (job.progress?.pages ?? 0) > 0;

export function crawlerPid(worker: StartedWorker): number {
  return Number(/attempt started .*pid=(\d+)/.exec(worker.output())?.[1]);
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

/** Holds SQLite's write lock, as a long transaction of somebody else does. */
export function lockDatabase(setup: Setup): { release: () => void } {
  const database = new DatabaseSync(join(setup.dir, 'healtharchive.db'), { timeout: 10_000 });
  database.exec('begin immediate');
  return {
    release: () => {
      database.exec('rollback');
      database.close();
    },
  };
}
