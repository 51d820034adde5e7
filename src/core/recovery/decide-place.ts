import { refuse, type Why } from '../plan.ts';
import { storageCondition } from '../report/conditions.ts';
import { kindSeen, whyNotThatArchive } from '../storage/archive.ts';
import { isAtOrBelow, isNear } from '../storage/path-relation.ts';
import { bindStep, verifyStep, whyColdMisplaced, whyMisplaced } from '../tiering/bind-place.ts';
import type { ExpectedOuter } from '../tiering/tiering-plan.ts';
import { isSystemdAtIt, unitActivity, whyNotStartable } from '../units/unit-state.ts';
import { clearPlace } from './clear-place.ts';
import type { Decision, InterruptStep, RecoveryPolicy, RecoveryStep } from './recovery-plan.ts';
import type { RunningCrawl } from './recovery-world.ts';
import { isOnDeadStorage, isOutOfSight, type SeenTarget, type SeenWorld } from './seen-world.ts';

/**
 * What is done about one place that is dead or missing. What is asked first decides: may anything ever be mounted there, is
 * what it lies in as it should be, can what belongs there be mounted now, can what is there be taken off.
 */
export function decidePlace(target: SeenTarget, seen: SeenWorld, policy: RecoveryPolicy): Decision {
  const { path, report } = target;
  const refused = (reason: Why, holdsBack = false): Decision => ({
    kind: 'refused',
    refusal: refuse(target, reason, holdsBack),
  });
  const misplaced = whyMisplaced(path, seen.world);
  if (misplaced !== null) return refused(misplaced);
  const outer = seen.outerPlacesOf(path).find(({ report: { state } }) => state !== 'healthy');
  if (outer !== undefined)
    return refused({
      code: 'outer_first',
      because: `${outer.path}, above it, is not mounted as it should be`,
    });
  if (report.state === 'healthy') return { kind: 'nothing' };
  if (report.state !== 'dead' && report.state !== 'missing')
    return refused({ code: storageCondition(report.state), because: report.reason });
  if (report.state === 'dead' && report.coveredBy !== path)
    return refused({
      code: 'dead_above',
      because: `${report.coveredBy}, above it, is dead, and no place of ours`,
    });
  if (report.state === 'dead' && seen.lifeOf(report.mount?.device ?? '') !== 'dead')
    return refused({ code: 'unconfirmed', because: 'one lookup says that it is dead, another one does not' });

  const clearing = clearPlace(target, seen);
  const mounting = howToMount(target, seen, policy, clearing.unmounts.length > 0);
  if ('code' in mounting) return refused(mounting, isUnknownOrInUse(mounting));
  // What systemd is just starting may be what put the mount there.
  if (mounting.isStarting) return { kind: 'repair', repair: { path, steps: [mounting.step], breaks: [] } };
  if (clearing.problem !== null) return refused(clearing.problem, isUnknownOrInUse(clearing.problem));
  const steps: RecoveryStep[] = [
    ...interruptsFor(path, clearing.devices, seen),
    ...clearing.unmounts,
    mounting.step,
    verifyStep(path),
  ];
  return { kind: 'repair', repair: { path, steps, breaks: [] } };
}

/** Recovery would act, but for what it doesn't know or must not end. */
function isUnknownOrInUse({ code }: Why): boolean {
  return code === 'unit_unknown' || code === 'crawl_running';
}

interface Mounting {
  readonly step: RecoveryStep;
  readonly isStarting: boolean;
}

function howToMount(
  target: SeenTarget,
  seen: SeenWorld,
  policy: RecoveryPolicy,
  isCleared: boolean,
): Mounting | Why {
  const { place, path, report } = target;
  switch (place.kind) {
    case 'bind': {
      const { base } = seen;
      const unreadable = seen.world.manifestProblems.find(({ line }) => line === null);
      // A directory that a line binds as a whole would be filled with mounts of what lies in it.
      if (unreadable !== undefined && !isCleared)
        return {
          code: 'manifest_unreadable',
          because: 'nobody can say whether it is mounted with more above it',
        };
      const misplaced = whyColdMisplaced(place.coldPath, { basePath: base?.path ?? '/' });
      if (misplaced !== null) return misplaced;
      if (base?.state !== 'healthy' || base.mount === null) {
        const how = base === null ? 'not configured' : `${base.state} (${base.reason})`;
        return { code: 'base_first', because: `nothing is bound from a storage box that is ${how}` };
      }
      const kind = kindSeen(seen.world.lookups.get(place.coldPath));
      const cold = { path: place.coldPath, kind, archive: target.archive };
      const notThat = whyNotThatArchive(cold, base.mount.source);
      if (notThat !== null) return notThat;
      const because = isCleared ? `${place.coldPath} belongs there; it is on the storage box` : report.reason;
      const { id: mountId, device } = base.mount;
      return {
        step: bindStep({ ...target, because }, cold, {
          base: { mountId, device },
          outer: outerOf(path, seen),
        }),
        isStarting: false,
      };
    }
    case 'unit': {
      const { unit } = place;
      if (policy.reservedUnits.includes(unit))
        return { code: 'hot_mount_invalid', because: `${unit} is not a unit that mounts a hot path` };
      const state = seen.world.units.get(unit) ?? null;
      if (isSystemdAtIt(state)) {
        const because = `${report.reason}; systemd is at ${unit} already`;
        const isStarting = state !== null && unitActivity(state) === 'starting';
        return { step: { kind: 'wait', path, because, unit }, isStarting };
      }
      const notStartable = whyNotStartable(unit, state);
      if (notStartable !== null) return notStartable;
      const crawl = state === null || unitActivity(state) === 'down' ? undefined : crawlOfUnit(path, seen);
      if (crawl !== undefined) {
        const because = `crawl ${crawl.attempt} may use what ${unit} still serves; it is restarted when that has ended`;
        return { code: 'crawl_running', because };
      }
      return {
        step: { kind: 'restart', path, because: report.reason, unit, outer: outerOf(path, seen) },
        isStarting: false,
      };
    }
    case 'below':
    case 'none':
      return {
        code: 'not_mountable',
        because: `${report.reason}; nothing says what should be mounted there`,
      };
  }
}

function outerOf(path: string, seen: SeenWorld): ExpectedOuter {
  const outer = seen.outerPlacesOf(path).at(-1)?.path;
  const device = outer === undefined ? undefined : seen.table.topmostAt(outer)?.device;
  return outer === undefined || device === undefined ? null : { path: outer, device };
}

/** A crawl on a mount of the unit that is not to be seen any more, or on nobody knows what. */
function crawlOfUnit(path: string, seen: SeenWorld): RunningCrawl | undefined {
  return seen.world.crawls.find((crawl) => {
    return crawl.device === null || (isNear(crawl.outputDir, path) && isOutOfSight(crawl, seen));
  });
}

/** Crawls at or below the path whose superblock is taken off because it is dead. */
function interruptsFor(path: string, devices: ReadonlySet<string>, seen: SeenWorld): InterruptStep[] {
  return seen.world.crawls
    .filter((crawl) => isAtOrBelow(crawl.outputDir, path) && isOnDeadStorage(crawl, seen))
    .filter(({ device }) => device !== null && devices.has(device))
    .map(interruptStep);
}

export function interruptStep({ attempt, jobId, outputDir, device }: RunningCrawl): InterruptStep {
  const because = 'its storage is dead: nothing that it writes arrives';
  return { kind: 'interrupt', path: outputDir, because, attempt, jobId, device: device ?? '' };
}
