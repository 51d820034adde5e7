import type { Refusal } from '../plan.ts';
import { isAtOrBelow } from '../storage/path-relation.ts';
import type { RecoveryHistory } from './history.ts';
import { limitOf } from './limits.ts';
import type { AbortStep, RecoveryPolicy, RestartStep } from './recovery-plan.ts';
import type { RecoveryWorld, WatchedBase } from './recovery-world.ts';
import { refuse } from './refusals.ts';
import { unitActivity, whyUnusable } from '../units/unit-activity.ts';

/** What is done about the base. */
export interface BaseOutlook {
  readonly aborts: readonly AbortStep[];
  readonly steps: readonly RestartStep[];
  readonly refusals: readonly Refusal[];
  /** Superblocks that are alive now and end with the restart. */
  readonly dying: ReadonlySet<string>;
}

const nothing: BaseOutlook = { aborts: [], steps: [], refusals: [], dying: new Set() };

/** The base is restarted only if it is itself dead, missing or aborted: its restart breaks whatever is bound from it. */
export function decideBase(
  world: RecoveryWorld,
  policy: RecoveryPolicy,
  history: RecoveryHistory,
  nowMs: number,
): BaseOutlook {
  const { base } = world;
  if (base === null || base.report.state === 'healthy') return nothing;
  const { state, reason } = base.report;
  switch (state) {
    case 'dead':
      if (!base.isConfirmed)
        return onlySaid(refuse('unconfirmed', base, 'one lookup says that it is dead, another one does not'));
      return restart(world, base, policy, history, nowMs, []);
    case 'missing':
      return restart(world, base, policy, history, nowMs, []);
    case 'hung': {
      const abort = abortStep(base, policy);
      if (abort !== null) return restart(world, base, policy, history, nowMs, [abort]);
      return onlySaid(refuse('storage_hung', base, `hung: ${reason}`));
    }
    default:
      return onlySaid(refuse(`storage_${state}`, base, `${state}: ${reason}`));
  }
}

function onlySaid(refusal: Refusal): BaseOutlook {
  return { ...nothing, refusals: [refusal] };
}

function abortStep(base: WatchedBase, { abortHungAfterMs }: RecoveryPolicy): AbortStep | null {
  const { report, hungForMs, waitingRequests, path } = base;
  if (abortHungAfterMs === 0 || report.mount === null) return null;
  if ((hungForMs ?? 0) < abortHungAfterMs || (waitingRequests ?? 0) === 0) return null;
  const because = `it has hung for ${Math.round((hungForMs ?? 0) / 1000)} s, and requests are waiting`;
  return { kind: 'abort', path, because, device: report.mount.device };
}

function restart(
  world: RecoveryWorld,
  base: WatchedBase,
  policy: RecoveryPolicy,
  history: RecoveryHistory,
  nowMs: number,
  aborts: readonly AbortStep[],
): BaseOutlook {
  const unusable = whyUnusable(base.unit, base.unitState);
  if (unusable !== null || base.unitState === null)
    return onlySaid(refuse('unit_unusable', base, unusable ?? '', true));
  // Only a base that was taken off its path can have a process that still serves binds; a dead one's has ended.
  const old = base.report.state === 'missing' ? aliveBinds(world, base) : [];
  const crawls = world.crawls.filter(({ outputDir }) =>
    old.some(({ path }) => isAtOrBelow(outputDir, path) || isAtOrBelow(path, outputDir)),
  );
  if (crawls.length > 0) {
    const names = crawls.map(({ attempt }) => attempt).join(', ');
    const because = `${names} still crawls on what was bound from it; it is mounted anew when that has ended`;
    return onlySaid(refuse('base_in_use', base, because, true));
  }
  const limit = limitOf({ path: base.path, jobs: [] }, history, policy, nowMs);
  if (limit !== null) return onlySaid(refuse(limit.code, base, limit.because, true));
  const isWaiting = aborts.length === 0 && unitActivity(base.unitState) !== 'idle';
  const { reason } = base.report;
  const step: RestartStep = {
    kind: 'restart',
    path: base.path,
    because: isWaiting ? `${reason}; systemd is starting ${base.unit} already` : reason,
    unit: base.unit,
    isBase: true,
    isWaiting,
  };
  return {
    aborts,
    steps: [step],
    refusals: [],
    // A start that systemd makes anyhow ends nobody's mount: the old process is gone already.
    dying: new Set(isWaiting ? [] : old.flatMap(({ mount }) => (mount === null ? [] : [mount.device]))),
  };
}

/** Binds that work although the base is gone: its process still serves them (storage-facts F10). */
function aliveBinds({ paths }: RecoveryWorld, { report }: WatchedBase) {
  return paths.filter(
    ({ mountedBy, state, mount }) =>
      mountedBy === 'bind' && state === 'healthy' && mount !== null && mount.device !== report.mount?.device,
  );
}
