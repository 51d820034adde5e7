import type { StepResult } from '../plan.ts';
import { isUnproved, releaseBefore, releasesToPrune } from './deploy-record.ts';
import type { DeployPolicy, DeployStep, DeployWorld, WantedRelease } from './deploy-world.ts';

/** Everything from a source that was fetched to its release in use; no steps: it is in use, and nothing is left over. */
export function decideDeploy(
  world: DeployWorld,
  wanted: WantedRelease,
  policy: DeployPolicy,
): readonly DeployStep[] {
  const isBuilt = world.releases.some(({ name }) => name === wanted.name);
  return [
    ...(isBuilt ? [] : buildSteps(wanted)),
    ...useSteps(world, wanted, policy, !isProvedInUse(world, wanted.name)),
    ...pruneSteps(world, wanted, policy),
  ];
}

/** Back to a release that is there. Nothing is migrated back: migrations only add. */
export function decideRollback(
  world: DeployWorld,
  wanted: WantedRelease,
  policy: DeployPolicy,
): readonly DeployStep[] {
  return useSteps(world, wanted, policy, true).filter(({ kind }) => kind !== 'migrate');
}

/**
 * After a release turned out not to be healthy: the one before is put in use again. It worked, so it is not tried first; and what was restarted for the
 * other one is restarted for it, at once.
 */
export function decideReturn(
  world: DeployWorld,
  { name }: WantedRelease,
  wasWorkerUp: boolean,
): readonly DeployStep[] {
  const { current, worker } = world;
  const of = { path: null, release: name };
  return [
    { kind: 'switch', ...of, because: `back, in the place of ${current}, with its units` },
    { kind: 'restart', path: null, because: 'timers and path units whose files have changed' },
    ...(wasWorkerUp && worker.release !== name
      ? [{ kind: 'restart' as const, path: null, unit: worker.unit, because: 'at once: it was up before' }]
      : []),
    { kind: 'prove', ...of, because: 'what was healthy before is healthy again' },
  ];
}

/** The release to return to if the wanted one is not healthy; null: none is known. */
export function fallbackOf(world: DeployWorld, wanted: string): string | null {
  const { current, record, releases } = world;
  if (current !== wanted && !isUnproved(record, current)) return current;
  const before = releaseBefore(
    record,
    current,
    releases.map(({ name }) => name),
  );
  return before === wanted ? null : before;
}

/** It was put in use, or half so, and is not proved. What fails after the proof (an old release that can't be removed) is no reason. */
export function mustGoBack(results: readonly StepResult<DeployStep>[]): boolean {
  const has = (kind: DeployStep['kind'], outcomes: readonly string[]): boolean =>
    results.some(({ step, outcome }) => step.kind === kind && outcomes.includes(outcome));
  const hasFailed = results.some(({ outcome }) => outcome === 'failed');
  return hasFailed && has('switch', ['done', 'failed']) && !has('prove', ['done']);
}

function isProvedInUse({ current, record }: DeployWorld, name: string): boolean {
  return current === name && !isUnproved(record, name);
}

/** What comes first: what a deploy that was broken off has left is cleared away. */
export function cleanSteps({ leftovers }: DeployWorld): DeployStep[] {
  return leftovers.map((path) => ({ kind: 'clean', path, because: 'left by a deploy that was broken off' }));
}

/** What comes second, whatever it brings: only then is it known which release is wanted. */
export function fetchStep({ name, title }: WantedRelease): DeployStep {
  return { kind: 'fetch', path: null, release: name, because: `${title}, into a clean clone` };
}

function buildSteps({ name }: WantedRelease): DeployStep[] {
  const step = (kind: DeployStep['kind'], because: string): DeployStep => ({
    kind,
    path: null,
    because,
    release: name,
  });
  return [
    step('build', 'its packages as its lockfile has them (npm ci), and its programs'),
    step('check', 'types, rules and format of it (npm run check)'),
    step('release', 'a folder of its own, beside the release in use'),
  ];
}

function useSteps(
  world: DeployWorld,
  { name }: WantedRelease,
  { isRestartSkipped, isForced }: DeployPolicy,
  isSwitched: boolean,
): DeployStep[] {
  const { current, worker, outdatedUnits, runningJobs } = world;
  const of = { path: null, release: name };
  const steps: DeployStep[] = [];
  if (isSwitched)
    steps.push(
      {
        kind: 'try',
        ...of,
        because: 'it starts, takes the configuration as it is, and works with the database',
      },
      {
        kind: 'migrate',
        ...of,
        because: 'the database gets what it needs: only additions, so that the release before still works',
      },
      {
        kind: 'switch',
        ...of,
        because:
          current === name
            ? 'it is in use, but the deploy that put it there was broken off: units and links once more'
            : `in the place of ${current}, with its units`,
      },
    );
  if (!isRestartSkipped) {
    if (isSwitched || outdatedUnits.length > 0)
      steps.push({ kind: 'restart', path: null, because: 'timers and path units whose files have changed' });
    if (worker.isUp && (worker.release !== name || worker.isOutdated))
      steps.push({
        kind: 'restart',
        path: null,
        unit: worker.unit,
        because: workerBecause(runningJobs, isForced),
      });
  }
  // What is restarted by itself is looked at too.
  if (steps.length > 0)
    steps.push({ kind: 'prove', ...of, because: 'what was healthy before is healthy with it' });
  return steps;
}

function workerBecause(runningJobs: number | null, isForced: boolean): string {
  if (isForced) return 'now, as asked: jobs that run are stopped in order, and go on with one attempt more';
  const rule = 'at a safe boundary only, when no job runs; else it is left for later';
  if (runningJobs === null) return `${rule} (now the database does not say)`;
  return `${rule} (now ${runningJobs === 1 ? '1 job runs' : `${runningJobs} jobs run`})`;
}

function pruneSteps(world: DeployWorld, wanted: WantedRelease, { keep }: DeployPolicy): DeployStep[] {
  const isNew = world.releases.every(({ name }) => name !== wanted.name);
  const made = isNew ? [{ name: wanted.name, madeAtMs: Number.POSITIVE_INFINITY, isRunning: false }] : [];
  const needed = [wanted.name, world.current, fallbackOf(world, wanted.name)];
  return releasesToPrune([...world.releases, ...made], world.record, needed, keep).map((release) => ({
    kind: 'prune',
    path: null,
    release,
    because: `the newest ${keep} are kept, with what is in use and what to go back to`,
  }));
}
