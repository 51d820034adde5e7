import type { Refusal } from '../plan.ts';
import { isAtOrBelow, isBelow } from '../storage/path-relation.ts';
import { decideTiering } from '../tiering/decide.ts';
import type { TieringStep } from '../tiering/tiering-plan.ts';
import { blastRadius } from './blast-radius.ts';
import { decideBase, type BaseOutlook } from './decide-base.ts';
import { decideUnitMount } from './decide-unit-mount.ts';
import type { RecoveryHistory } from './history.ts';
import { judgeIntent, type Intent } from './intent.ts';
import { generalLimit, limitOf } from './limits.ts';
import { general, refuse } from './refusals.ts';
import { jobsToRelease } from './release.ts';
import type {
  AbortStep,
  InterruptStep,
  RecoveryPlan,
  RecoveryPolicy,
  RecoveryStep,
} from './recovery-plan.ts';
import type { RecoveryWorld, WatchedCrawl, WatchedPath } from './recovery-world.ts';

/**
 * What is broken, what of it is mended now and in which order, and why the rest is not. Pure and total: each target that is
 * not healthy has steps or a refusal. The smallest thing is touched: no crawl but those whose own directory is dead.
 *
 * The base comes before the paths: while it is away, a dead mount on a hot path, which answers nobody, is better than a
 * local directory there, which takes whatever is written to it.
 */
export function decideRecovery(
  world: RecoveryWorld,
  policy: RecoveryPolicy,
  memory: { readonly history: RecoveryHistory; readonly intent: Intent | null },
  nowMs: number,
): RecoveryPlan {
  const { history } = memory;
  const refusals: Refusal[] = [];
  const base = decideBase(world, policy, history, nowMs);
  refusals.push(...base.refusals);

  const aborts = [...base.aborts, ...abortsOfOwnMounts(world, policy)];
  const aborted = new Set(aborts.map(({ device }) => device));
  const candidates: WatchedPath[] = [];
  for (const seen of world.paths) {
    const path = predict(seen, base, aborted);
    const refusal = notRepairable(path) ?? held(path, history, policy, nowMs);
    if (refusal !== null && refusal !== 'healthy') refusals.push(refusal);
    if (refusal === null || refusal === 'healthy') candidates.push(path);
  }
  const crawls = world.crawls.map((crawl) => predictCrawl(crawl, candidates));
  const living = crawls.filter(({ state }) => state !== 'dead');

  const tiering = tier(world, base, candidates, living);
  refusals.push(...tiering.refusals);
  const own = candidates
    .filter((path) => path.mountedBy === 'unit')
    .map((path) => decideUnitMount(path, crawlsOn(path, living)));
  refusals.push(...own.flatMap((decision) => decision.refusals));

  const repaired = [
    ...tiering.steps.flatMap((step) => (step.kind === 'bind' ? [step.path] : [])),
    ...own.flatMap(({ restart }) => (restart === null ? [] : [restart.path])),
  ];
  const interrupts = crawls
    .filter((crawl) => crawl.state === 'dead' && repaired.some((path) => isAtOrBelow(crawl.outputDir, path)))
    .map(interruptStep);
  const repair: RecoveryStep[] = [
    ...aborts,
    ...interrupts,
    ...base.steps,
    ...own.flatMap(({ clear, restart }) => [clear, restart].filter((step) => step !== null)),
    ...tiering.steps,
    ...own.flatMap(({ verify }) => (verify === null ? [] : [verify])),
  ];
  const needsRepair = needing(world);
  const stop = repair.length === 0 ? null : holdsEverythingBack(world, policy, history, nowMs);
  if (stop !== null) return { steps: [], refusals: [stop, ...refusals], blastRadius: [], needsRepair };
  const release = jobsToRelease(world, candidates, repaired, interrupts, history);
  const steps = [...repair, ...release, ...startWorker(world, memory.intent)];
  return { steps, refusals, blastRadius: blastRadius(world, base, aborted, repair), needsRepair };
}

/** The path as it will be when what is planned for the superblocks is done. */
function predict(path: WatchedPath, base: BaseOutlook, aborted: ReadonlySet<string>): WatchedPath {
  const device = path.mount?.device;
  if (device === undefined || path.state === 'dead') return path;
  if (path.state === 'hung' && aborted.has(device))
    return { ...path, state: 'dead', isConfirmed: true, reason: 'its hung file system is aborted first' };
  if (path.state === 'healthy' && base.dying.has(device))
    return { ...path, state: 'dead', isConfirmed: true, reason: 'it dies with the old mount of the base' };
  return path;
}

function predictCrawl(crawl: WatchedCrawl, paths: readonly WatchedPath[]): WatchedCrawl {
  const own = paths.find(({ path }) => path === crawl.outputDir);
  const isDead = own?.state === 'dead' && own.isConfirmed;
  return isDead ? { ...crawl, state: 'dead' } : crawl;
}

/** Null: its state is one that recovery acts upon. */
function notRepairable(path: WatchedPath): Refusal | 'healthy' | null {
  if (path.state === 'healthy') return 'healthy';
  // The mount that it lies on is a target of its own, and says what is wrong.
  if (path.mountedBy === 'below') return 'healthy';
  if (path.state !== 'dead' && path.state !== 'missing') {
    return refuse(`storage_${path.state}`, path, `${path.state}: ${path.reason}`);
  }
  if (path.mountedBy === 'none') {
    return refuse('not_mountable', path, `${path.reason}; nothing says what should be mounted there`);
  }
  if (path.state === 'dead' && !path.isConfirmed) {
    return refuse('unconfirmed', path, 'one lookup says that it is dead, another one does not');
  }
  return null;
}

function held(
  path: WatchedPath,
  history: RecoveryHistory,
  policy: RecoveryPolicy,
  nowMs: number,
): Refusal | null {
  const limit = limitOf(path, history, policy, nowMs);
  return limit === null ? null : refuse(limit.code, path, limit.because, true);
}

function tier(
  world: RecoveryWorld,
  base: BaseOutlook,
  paths: readonly WatchedPath[],
  living: readonly WatchedCrawl[],
): { readonly steps: readonly TieringStep[]; readonly refusals: readonly Refusal[] } {
  if (world.base === null) return { steps: [], refusals: [] };
  return decideTiering(
    {
      jobsRoot: world.jobsRoot,
      base: world.base.report,
      basePath: world.base.path,
      isBaseToBeMounted: base.steps.length > 0,
      paths: paths
        .filter(({ mountedBy }) => mountedBy === 'bind')
        .map((path) => ({ ...path, crawls: crawlsOn(path, living) })),
      manifestProblems: world.manifestProblems,
      // Nothing is assumed about jobs: the locks of the attempts prove what runs on this host's mounts.
      jobsUnknownBecause: null,
    },
    { repairStale: true, repairUnexpected: false },
  );
}

function crawlsOn(path: WatchedPath, crawls: readonly WatchedCrawl[]): string[] {
  const places = [path.path, path.configuredPath];
  return crawls
    .filter(({ outputDir }) =>
      places.some((place) => isAtOrBelow(outputDir, place) || isBelow(place, outputDir)),
    )
    .map(({ attempt }) => attempt);
}

function interruptStep({ attempt, jobId, outputDir }: WatchedCrawl): InterruptStep {
  const because = 'its output directory is dead: nothing that it writes arrives';
  return { kind: 'interrupt', path: outputDir, because, attempt, jobId };
}

/** Mounts of their own that hang; one step for each superblock. */
function abortsOfOwnMounts(world: RecoveryWorld, policy: RecoveryPolicy): AbortStep[] {
  if (policy.abortHungAfterMs === 0) return [];
  const steps = new Map<string, AbortStep>();
  for (const { mountedBy, state, hungForMs, waitingRequests, mount, path } of world.paths) {
    if (mountedBy !== 'unit' || state !== 'hung' || mount === null || steps.has(mount.device)) continue;
    if ((hungForMs ?? 0) < policy.abortHungAfterMs || (waitingRequests ?? 0) === 0) continue;
    const because = `it has hung for ${Math.round((hungForMs ?? 0) / 1000)} s, and requests are waiting`;
    steps.set(mount.device, { kind: 'abort', path, because, device: mount.device });
  }
  return [...steps.values()];
}

function holdsEverythingBack(
  world: RecoveryWorld,
  policy: RecoveryPolicy,
  history: RecoveryHistory,
  nowMs: number,
): Refusal | null {
  if (world.deployLock === 'held') return general('deploy_lock', 'a deploy runs: it holds the deploy lock');
  const limit = generalLimit(history, policy, nowMs);
  return limit === null ? null : general(limit.code, limit.because);
}

function needing({ base, paths }: RecoveryWorld): string[] {
  const broken = paths.filter(
    ({ state, mountedBy }) =>
      (mountedBy === 'bind' || mountedBy === 'unit') && (state === 'dead' || state === 'missing'),
  );
  const isBaseBroken = base?.report.state === 'dead' || base?.report.state === 'missing';
  return [...(isBaseBroken ? [base.path] : []), ...broken.map(({ path }) => path)];
}

function startWorker(world: RecoveryWorld, intent: Intent | null): RecoveryStep[] {
  if (intent === null || world.deployLock === 'held') return [];
  if (judgeIntent(intent, world.worker, world.bootId) !== 'due') return [];
  const because = 'recovery has stopped it';
  return [{ kind: 'start-worker', path: null, because, unit: intent.unit }];
}
