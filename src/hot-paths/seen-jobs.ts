import type { SeenJobs } from '../core/autostart/auto-start-world.ts';
import { isOnThisHost } from '../core/jobs/lease.ts';
import type { HostIdentity } from '../effects/host.ts';
import type { Survey } from './survey.ts';

/** Which jobs wait, with the state of their storage, and which are said to run on this host. */
export function seenJobs({ jobs, paths }: Pick<Survey, 'jobs' | 'paths'>, host: HostIdentity): SeenJobs {
  if (!jobs.isKnown) return jobs;
  const seenOf = new Map(paths.flatMap(({ want, seen }) => want.jobs.map((id) => [id, seen] as const)));
  const waiting = jobs.jobs.filter(({ status }) => status === 'queued' || status === 'retryable');
  const running = jobs.jobs.filter(
    ({ status, lease }) => status === 'running' && (lease === null || isOnThisHost(lease, host)),
  );
  return {
    isKnown: true,
    pending: waiting.map(({ id, outputDir }) => {
      const { state = 'unknown', reason = 'it was not looked at' } = seenOf.get(id) ?? {};
      return { id, path: outputDir, state, reason };
    }),
    runningHere: running.map(({ id }) => id),
  };
}
