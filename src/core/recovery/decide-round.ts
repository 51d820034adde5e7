import { general, type Refusal, refuse, type Why } from '../plan.ts';
import { storageCondition } from '../report/conditions.ts';
import { isAtOrBelow } from '../storage/path-relation.ts';
import { verifyStep } from '../tiering/bind-place.ts';
import { decideAborts } from './decide-hang.ts';
import { decideBase } from './decide-base.ts';
import { decidePlace, interruptStep } from './decide-place.ts';
import { holdBack } from './hold-back.ts';
import type { Past } from './limits.ts';
import type {
  Casualty,
  Decision,
  RecoveryPlan,
  RecoveryPolicy,
  RecoveryStep,
  Repair,
} from './recovery-plan.ts';
import type { RecoveryWorld } from './recovery-world.ts';
import { isOnDeadStorage, isPlace, mayUse, type SeenTarget, type SeenWorld } from './seen-world.ts';

/**
 * One round of recovery: what is right to do in the world as it is now, and why the rest is not done. Pure and total: each
 * place that is not healthy has steps or a refusal. Nothing is predicted: what follows from these steps is decided when it
 * is there to be seen.
 */
export function decideRecovery(seen: SeenWorld, policy: RecoveryPolicy, past: Past): RecoveryPlan {
  const { world } = seen;
  const aborts = decideAborts(seen, policy, past.memory);
  const aborted = new Set(aborts.flatMap(({ path, breaks }) => [path, ...breaks]));
  const base = decideBase(seen);
  const decisions = [
    ...(world.base !== null && aborted.has(world.base.path) ? [] : [base]),
    ...seen.targets
      .filter(({ path }) => !aborted.has(path))
      .map((target) => decideTarget(target, seen, policy)),
  ];
  const repairs = [
    ...aborts,
    ...inOrder(decisions.flatMap((decision) => (decision.kind === 'repair' ? [decision.repair] : []))),
    ...interruptsElsewhere(seen),
    ...proofs(seen, past),
  ];
  const { allowed, held, refusals } = holdBack(repairs, world, policy, past);
  return {
    steps: stepsOf(allowed),
    held: stepsOf(held),
    refusals: [
      ...refusals,
      ...generalRemarks(world),
      ...decisions.flatMap((decision) => (decision.kind === 'refused' ? [decision.refusal] : [])),
    ],
    casualties: casualtiesOf([...allowed, ...held], seen),
  };
}

function decideTarget(target: SeenTarget, seen: SeenWorld, policy: RecoveryPolicy): Decision {
  const { report, place } = target;
  if (report.state === 'healthy') return { kind: 'nothing' };
  if (isPlace(target)) return decidePlace(target, seen, policy);
  const isSaidElsewhere =
    place.kind === 'below' &&
    seen.targets.some((other) => other.path === place.mountPoint && other.report.state !== 'healthy');
  if (isSaidElsewhere) return { kind: 'nothing' };
  const isMountProblem = report.state === 'dead' || report.state === 'missing';
  const reason: Why = isMountProblem
    ? { code: 'not_mountable', because: `${report.reason}; nothing says what should be mounted there` }
    : { code: storageCondition(report.state), because: report.reason };
  return { kind: 'refused', refusal: refuse(target, reason) };
}

/** What waits for systemd comes last: the rest need not wait with it. */
function inOrder(repairs: readonly Repair[]): Repair[] {
  const waits = repairs.filter(({ steps }) => steps.some(({ kind }) => kind === 'wait'));
  return [...repairs.filter((repair) => !waits.includes(repair)), ...waits];
}

/** Crawls on dead storage although their path is in order again: somebody has mounted it anew over their heads. */
function interruptsElsewhere(seen: SeenWorld): Repair[] {
  return seen.world.crawls.flatMap((crawl): Repair[] => {
    if (!isOnDeadStorage(crawl, seen)) return [];
    const path = crawl.outputDir;
    const isBroken = seen.targets.some(
      (target) =>
        (isAtOrBelow(path, target.path) || isAtOrBelow(target.path, path)) &&
        target.report.state !== 'healthy',
    );
    return isBroken ? [] : [{ path, steps: [interruptStep(crawl)], breaks: [] }];
  });
}

/** What was broken and answers again, by whatever hand, is proved once. */
function proofs(seen: SeenWorld, { memory }: Past): Repair[] {
  const unproved = new Set(memory.incident?.unproved);
  const healthy = seen.targets.filter((target) => isPlace(target) && target.report.state === 'healthy');
  const paths = healthy.map(({ path }) => path);
  if (seen.base?.state === 'healthy' && seen.world.base !== null) paths.unshift(seen.world.base.path);
  return paths
    .filter((path) => unproved.has(path))
    .map((path) => ({ path, steps: [verifyStep(path)], breaks: [] }));
}

function stepsOf(repairs: readonly Repair[]): RecoveryStep[] {
  return repairs.flatMap(({ steps }) => steps);
}

function generalRemarks(world: RecoveryWorld): Refusal[] {
  const remarks: Refusal[] = world.manifestProblems.map(({ line, message }) =>
    line === null
      ? general('manifest_unreadable', message, false)
      : general('manifest_line', `manifest, line ${line}: ${message}`, false),
  );
  remarks.push(...world.notSeen.map((because) => general('not_seen', because, false)));
  if (world.jobsUnknownBecause !== null) {
    const because = `the jobs are not known, so only manifest, configuration and mount table say what belongs where: ${world.jobsUnknownBecause}`;
    remarks.push(general('jobs_unknown', because, false));
  }
  return remarks;
}

/** Each superblock that is dead already or ends with these repairs: what is mounted of it, and which crawls work on it. */
function casualtiesOf(repairs: readonly Repair[], seen: SeenWorld): Casualty[] {
  const { table, lifeOf, world } = seen;
  const aborted = new Set(
    repairs.flatMap(({ steps }) => steps.flatMap((step) => (step.kind === 'abort' ? [step.device] : []))),
  );
  const broken = new Set(
    repairs
      .filter(({ steps }) => steps.some(({ kind }) => kind === 'restart'))
      .flatMap(({ breaks }) => breaks.map((path) => table.topmostAt(path)?.device)),
  );
  const casualties = new Map<string, Casualty>();
  for (const { device, source, mountPoint } of table.mounts) {
    const because =
      lifeOf(device) === 'dead'
        ? 'dead already'
        : aborted.has(device)
          ? 'hangs, and is aborted'
          : broken.has(device)
            ? 'lives, and ends with the restart'
            : null;
    if (because === null) continue;
    const paths = [...new Set([...(casualties.get(device)?.paths ?? []), mountPoint])].sort();
    const crawls = world.crawls
      .filter((crawl) => crawl.device !== null && mayUse(crawl, device))
      .map(({ attempt }) => attempt);
    casualties.set(device, { device, source, because, paths, crawls });
  }
  return [...casualties.values()];
}
