/** A host with the worker as a service, a site to crawl, and no storage box: what its lab tests share. */
import { bootHost, type Host } from '../../lab/host.ts';
import { install, WORKER_UNIT } from '../../lab/installation.ts';
import { addSite, storedJob, type StoredJob } from '../../lab/jobs.ts';
import { waitFor } from '../../lab/wait-for.ts';

/** A host with the worker as a service, and a site whose crawl takes about pages × delay. */
export async function hostWithSite(name: string, configuration: string, pages: number, delayMs: number) {
  const host = await bootHost({ name });
  try {
    return { host, installation: await installBesideSite(host, configuration, pages, delayMs) };
  } catch (error) {
    // Nobody else knows this host, and while it runs the test file never ends.
    await host.close();
    throw error;
  }
}

async function installBesideSite(host: Host, configuration: string, pages: number, delayMs: number) {
  const installation = await install(host, `[storagebox]\nmount = ""\ncold_root = ""\n${configuration}`);
  await addSite(host, installation, { pages, delayMs });
  return installation;
}

export async function until(host: Host, id: number, what: string, isSo: (job: StoredJob) => boolean) {
  let job: StoredJob | null = null;
  try {
    return await waitFor(
      `job ${id} ${what}`,
      async () => {
        job = await storedJob(host, id);
        return isSo(job) ? job : null;
      },
      60_000,
    );
  } catch (error) {
    throw new Error(`${String(error)}\n${JSON.stringify(job)}\n${await host.journal(WORKER_UNIT)}`, {
      cause: error,
    });
  }
}

export const isCompleted = (job: StoredJob) => job.status === 'completed';
