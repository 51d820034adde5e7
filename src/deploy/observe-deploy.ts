import { readdirSync } from 'node:fs';
import * as z from 'zod';
import type { Configuration } from '../config/schema.ts';
import { RefusedError } from '../core/errors.ts';
import type { DeployRecord } from '../core/deploy/deploy-record.ts';
import type { DeployWorld } from '../core/deploy/deploy-world.ts';
import { deployRecordFile, unitFolder } from '../core/install/layout.ts';
import { readStateFile, setAside, writeStateFile } from '../effects/state-file.ts';
import { unitStarts } from '../effects/systemd.ts';
import { jobsIfKnown } from '../hot-paths/jobs-if-known.ts';
import { outdatedUnits } from '../install/outdated-units.ts';
import { currentRelease, presentReleases, releaseOfProcess, unfinishedCopies } from '../install/releases.ts';

const recordSchema = z.array(
  z.object({
    release: z.string(),
    before: z.string().nullable(),
    from: z.string(),
    at: z.string(),
    state: z.enum(['begun', 'proved', 'withdrawn']),
  }),
);

/** Looks at everything that a deploy depends on. @throws RefusedError where nothing is installed */
export async function observeDeploy(configuration: Configuration): Promise<DeployWorld> {
  const current = currentRelease();
  if (current === null)
    throw new RefusedError(
      'nothing is installed here yet, which a deploy could replace.',
      'healtharchive ops install --apply',
    );
  const { unit } = configuration.worker;
  const [starts, runningJobs] = await Promise.all([
    unitStarts([unit, ...waitingUnits()]),
    countRunning(configuration),
  ]);
  if (starts === null) throw new RefusedError('systemd does not answer.', 'systemctl status');
  const [worker, ...others] = starts;
  return {
    current,
    releases: presentReleases(),
    record: readRecord(),
    leftovers: unfinishedCopies(),
    worker: {
      unit,
      isUp: worker?.mainPid !== null,
      release: releaseOfProcess(worker?.mainPid ?? undefined),
      isOutdated: worker !== undefined && outdatedUnits([worker]).length > 0,
    },
    outdatedUnits: outdatedUnits(others),
    runningJobs,
  };
}

/** Timers and path units of ours, installed by whichever release. */
export function waitingUnits(): string[] {
  return readdirSync(unitFolder).filter((name) => /^healtharchive-.*\.(timer|path)$/.test(name));
}

/** Null: the database does not say. */
export async function countRunning(configuration: Configuration): Promise<number | null> {
  const known = await jobsIfKnown(configuration);
  return known.isKnown ? known.jobs.filter(({ status }) => status === 'running').length : null;
}

/** Empty where there is none, or none that can be understood. */
export function readRecord(): DeployRecord {
  const read = readStateFile(deployRecordFile, recordSchema);
  return read.kind === 'read' ? read.value : [];
}

/** One that can't be understood is kept beside it. */
export function changeRecord(change: (record: DeployRecord) => DeployRecord): void {
  if (readStateFile(deployRecordFile, recordSchema).kind === 'unreadable') setAside(deployRecordFile);
  writeStateFile(deployRecordFile, change(readRecord()));
}
