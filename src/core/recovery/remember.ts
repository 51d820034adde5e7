/** How the memory changes: with what is seen, before a round changes anything, and after it. Pure; written by the caller. */
import type { StepResult } from '../plan.ts';
import {
  cutMemory,
  lastedMs,
  settleMs,
  type Incident,
  type PastRecovery,
  type RecoveryMemory,
  type Since,
  type TakenOff,
} from './memory.ts';
import { isChange, type RecoveryStep } from './recovery-plan.ts';
import { isPlace, type SeenWorld } from './seen-world.ts';

/** What every look adds: since when what hangs, since when the deploy lock is held, what is broken. */
export function rememberSeen(memory: RecoveryMemory, seen: SeenWorld, nowMs: number): RecoveryMemory {
  const { world, table, lifeOf } = seen;
  const hung: Record<string, Since> = {};
  for (const { device } of table.mounts) {
    if (lifeOf(device) === 'hung') hung[device] = since(memory.hung[device], seen);
  }
  return {
    ...cutMemory(memory, nowMs),
    hung,
    deployLock: world.deployLock === 'held' ? since(memory.deployLock, seen) : null,
    incident: incidentAfter(memory.incident, seen, nowMs),
    takenOff: memory.takenOff.filter(({ path }) => !isMountedAgain(path, seen)),
  };
}

function since(before: Since | null | undefined, { world: { clock } }: SeenWorld): Since {
  if (before !== null && before !== undefined && lastedMs(before, clock) !== null) return before;
  return { bootId: clock.bootId, sinceBootMs: clock.bootMs };
}

function isMountedAgain(path: string, { targets }: SeenWorld): boolean {
  return targets.some(
    (target) => target.path === path && isPlace(target) && target.report.state === 'healthy',
  );
}

/** It ends when all is healthy, every place of it is proved, and that has lasted. */
function incidentAfter(before: Incident | null, seen: SeenWorld, nowMs: number): Incident | null {
  const broken = seen.targets.filter(({ report }) => report.state !== 'healthy').map(({ path }) => path);
  const provable = seen.targets.filter((target) => isPlace(target) && target.report.state !== 'healthy');
  const provablePaths = provable.map(({ path }) => path);
  if (seen.base !== null && seen.base.state !== 'healthy' && seen.world.base !== null) {
    broken.unshift(seen.world.base.path);
    provablePaths.unshift(seen.world.base.path);
  }
  const known = new Set(seen.targets.filter(isPlace).map(({ path }) => path));
  if (seen.world.base !== null) known.add(seen.world.base.path);
  // What nobody needs any more, and is not mounted any more, needs no proof.
  const unproved = union(before?.unproved ?? [], provablePaths).filter((path) => known.has(path));
  const isHealthy = broken.length === 0 && unproved.length === 0;
  if (isHealthy && before === null) return null;
  const healthySinceMs = isHealthy ? Math.min(before?.healthySinceMs ?? nowMs, nowMs) : null;
  if (healthySinceMs !== null && nowMs - healthySinceMs >= settleMs) return null;
  return {
    openedAtMs: Math.min(before?.openedAtMs ?? nowMs, nowMs),
    healthySinceMs,
    paths: union(before?.paths ?? [], broken),
    unproved,
  };
}

/**
 * Before the first change of a round. Written first, so that whoever comes after a run that was killed knows what it may have
 * done.
 */
export function rememberBegun(
  memory: RecoveryMemory,
  run: string,
  steps: readonly RecoveryStep[],
  seen: SeenWorld,
  nowMs: number,
): RecoveryMemory {
  const taken = steps.flatMap((step) => (step.kind === 'unmount' ? [step.path, ...step.along] : []));
  const bound = new Set(
    steps.flatMap((step) => (step.kind === 'bind' || step.kind === 'restart' ? [step.path] : [])),
  );
  const kept = memory.takenOff
    .filter(({ path }) => !taken.includes(path))
    // Put back once more whatever the limits say, and only once.
    .map((entry) => (bound.has(entry.path) ? { ...entry, isRetried: true } : entry));
  return {
    ...memory,
    takenOff: [...kept, ...union(taken, []).flatMap((path) => takenOff(path, seen))],
    recoveries: withChanges(memory.recoveries, run, steps, nowMs),
  };
}

function takenOff(path: string, { targets }: SeenWorld): TakenOff[] {
  const place = targets.find((target) => target.path === path)?.place;
  if (place?.kind === 'bind') return [{ path, coldPath: place.coldPath, unit: null, isRetried: false }];
  if (place?.kind === 'unit') return [{ path, coldPath: null, unit: place.unit, isRetried: false }];
  return [];
}

function withChanges(
  recoveries: readonly PastRecovery[],
  run: string,
  steps: readonly RecoveryStep[],
  nowMs: number,
): PastRecovery[] {
  const changes = steps.filter(isChange);
  if (changes.length === 0) return [...recoveries];
  const before = recoveries.find((entry) => entry.run === run);
  // An interrupt is counted with its job, an abort with the recovery as a whole: its place is still to be repaired.
  const paths = changes.flatMap((step) =>
    step.kind === 'unmount' ? [step.path, ...step.along] : step.kind === 'restart' ? [step.path] : [],
  );
  const jobs = changes.flatMap((step) => (step.kind === 'interrupt' ? [step.jobId] : []));
  const entry: PastRecovery = {
    run,
    atMs: before?.atMs ?? nowMs,
    paths: union(before?.paths ?? [], paths),
    jobs: union(before?.jobs ?? [], jobs),
    outcome: 'unfinished',
  };
  return [...recoveries.filter((other) => other !== before), entry];
}

/** After a round: what is proved, and what is not. */
export function rememberEnded(
  memory: RecoveryMemory,
  results: readonly StepResult<RecoveryStep>[],
  nowMs: number,
): RecoveryMemory {
  const done = results.filter(({ outcome }) => outcome === 'done').map(({ step }) => step);
  const proved = done.flatMap((step) => (step.kind === 'verify' ? [step.path] : []));
  return {
    ...memory,
    verified: [
      ...memory.verified.filter(({ path }) => !proved.includes(path)),
      ...proved.map((path) => ({ path, atMs: nowMs, released: [] })),
    ],
    incident: memory.incident && {
      ...memory.incident,
      unproved: memory.incident.unproved.filter((path) => !proved.includes(path)),
    },
    takenOff: memory.takenOff.filter(({ path }) => !proved.includes(path)),
  };
}

/** At the end of a run: how it went counts for the backoff from now on. */
export function rememberOver(memory: RecoveryMemory, run: string, hasFailed: boolean): RecoveryMemory {
  const outcome = hasFailed ? ('failed' as const) : ('done' as const);
  return {
    ...memory,
    recoveries: memory.recoveries.map((entry) => (entry.run === run ? { ...entry, outcome } : entry)),
  };
}

function union<T>(one: readonly T[], other: readonly T[]): T[] {
  return [...new Set([...one, ...other])];
}
