/** Reads the world that recovery decides by, once for each round; in bounded time, and without touching a hot path in this process. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Configuration } from '../config/schema.ts';
import { automations } from '../core/automations.ts';
import { likeBase, ownSuperblocks } from '../core/recovery/decide-base.ts';
import type { RecoveryMemory } from '../core/recovery/memory.ts';
import type { RecoveryBase, RecoveryWorld, RunningCrawl, Target } from '../core/recovery/recovery-world.ts';
import { jobsLookedAfter, recoveryTargets, type TargetPlace } from '../core/recovery/targets.ts';
import { archivePlaces, type ArchiveRecord } from '../core/storage/archive.ts';
import type { ExpectationRules } from '../core/storage/expectation.ts';
import type { Lookup } from '../core/storage/lookup.ts';
import { MountTable } from '../core/storage/mount-table.ts';
import { wantedPaths } from '../core/storage/wanted-paths.ts';
import { deployLockState, hasSentinel } from '../effects/automation-gates.ts';
import { readFuseConnections, readMountTable } from '../effects/read-mounts.ts';
import { bootClockMs, thisHost } from '../effects/host.ts';
import { type Bearings, changedMeanwhile, isSameWay, takeBearings } from '../effects/storage-probe.ts';
import { startTheClock } from '../effects/storage/ask-child.ts';
import { lookUpPaths } from '../effects/storage/look-up-paths.ts';
import { showUnits } from '../effects/systemd.ts';
import { archivesIfKnown, type JobsIfKnown } from '../hot-paths/jobs-if-known.ts';
import { readManifestIfReadable, stuckProbesFolder } from '../hot-paths/observe-configured.ts';
import { crawlsOfThisHost } from '../worker/live-crawls.ts';
import { workerPaths } from '../worker/worker-paths.ts';
import type { RecoveryPolicy } from '../core/recovery/recovery-plan.ts';

export const recoverySentinel = automations['storage-hotpath-auto-recover'].sentinel;

/** While systemd mounts and unmounts under the look, it begins anew; what never rests is told as it was last. */
const maxLooks = 3;

/** The one who looks, round after round: what it has confirmed to be dead stays dead. */
export class RecoveryObserver {
  readonly #configuration: Configuration;
  readonly #confirmedDead = new Set<string>();
  readonly #archives = new Map<string, ArchiveRecord | null>();

  constructor(configuration: Configuration) {
    this.#configuration = configuration;
  }

  async observe(
    jobs: JobsIfKnown,
    memory: Pick<RecoveryMemory, 'takenOff'>,
    year: number,
  ): Promise<RecoveryWorld> {
    const { paths } = this.#configuration;
    const [storage, crawls, deployLock] = await Promise.all([
      this.#lookUntilAtRest(jobs, memory, year),
      crawlsIfSeen(this.#configuration),
      deployLockState(paths.deploy_lock),
    ]);
    return {
      ...storage,
      crawls: crawls.crawls,
      notSeen: crawls.notSeen,
      jobsUnknownBecause: jobs.isKnown ? null : jobs.because,
      deployLock,
      hasSentinel: hasSentinel(paths.sentinel_dir, recoverySentinel),
      clock: { bootId: thisHost().bootId, bootMs: bootClockMs() },
    };
  }

  async #lookUntilAtRest(
    jobs: JobsIfKnown,
    memory: Pick<RecoveryMemory, 'takenOff'>,
    year: number,
  ): Promise<Storage> {
    for (let looks = 1; ; looks++) {
      const { storage, isAtRest } = await this.#look(jobs, memory, year);
      if (isAtRest || looks === maxLooks) return storage;
    }
  }

  async #look(jobs: JobsIfKnown, memory: Pick<RecoveryMemory, 'takenOff'>, year: number) {
    const { storagebox, hot_mounts, recovery, paths } = this.#configuration;
    const manifest = readManifestIfReadable(this.#configuration);
    const needed = jobs.isKnown ? jobsLookedAfter(jobs.jobs, recovery.next_jobs, year) : [];
    const wanted = wantedPaths(needed, manifest.entries, hot_mounts, year);
    const units = [
      ...new Set([
        ...(storagebox.mount === '' ? [] : [storagebox.unit]),
        ...hot_mounts.map(({ unit }) => unit),
      ]),
    ];
    const unitStates = showUnits(units);
    const bearings = await takeBearings({
      rules: {
        jobsRoot: paths.jobs_root,
        storagebox:
          storagebox.mount === '' ? null : { mount: storagebox.mount, coldRoot: storagebox.cold_root },
        manifest: manifest.entries,
        hotMounts: hot_mounts,
      },
      hotPaths: wanted,
      probeTimeoutMs: recovery.probe_timeout_seconds * 1000,
      stuckDir: stuckProbesFolder(this.#configuration),
    });
    const { table, canonical, rules } = bearings;
    const base: RecoveryBase | null = rules.storagebox && {
      path: rules.storagebox.mount,
      fstype: storagebox.fstype,
      unit: storagebox.unit,
    };
    const places = recoveryTargets({
      wanted,
      rules,
      base,
      mounts: table.mounts,
      takenOff: memory.takenOff,
      canonicalOf: canonical.of,
      isResolved: (path) => canonical.failureOf(path) === null,
    });
    const [lookups, archives] = await Promise.all([
      this.#lookUp(places, base, bearings),
      jobs.isKnown ? this.#archivesAt(places, rules) : null,
    ]);
    const targets = places.map((place): Target => {
      const archive = archives?.get(place.path);
      return { ...place, archive: archive === undefined ? 'unknown' : archive };
    });
    const states = await unitStates;
    const waitingRequests = readFuseConnections();
    const storage: Storage = {
      jobsRoot: rules.jobsRoot,
      staleErrnos: storagebox.stale_errnos,
      mounts: table.mounts,
      lookups,
      confirmedDead: this.#confirmedDead,
      waitingRequests,
      base,
      targets,
      units: new Map(units.map((unit, index) => [unit, states[index] ?? null])),
      manifestProblems: manifest.problems,
    };
    const after = await this.#confirm(storage, table);
    const isAtRest = [...lookups.keys()].every((path) => isSameWay(table, after, path));
    return { storage: { ...storage, confirmedDead: new Set(this.#confirmedDead) }, isAtRest };
  }

  /** By path; without those that can't be told. Each is asked for once: what was archived before this run stays so. */
  async #archivesAt(
    places: readonly TargetPlace[],
    rules: ExpectationRules,
  ): Promise<ReadonlyMap<string, ArchiveRecord | null>> {
    const asked = places.filter(({ path }) => !this.#archives.has(path));
    const answer = await archivesIfKnown(
      this.#configuration,
      archivePlaces(
        asked.map(({ path, configuredPath }) => [path, configuredPath]),
        rules,
      ),
    );
    if (answer.isKnown)
      for (const [index, { path }] of asked.entries())
        this.#archives.set(path, answer.archives[index] ?? null);
    return this.#archives;
  }

  /** Of every target, the base, and whatever else its process may serve. */
  async #lookUp(
    targets: readonly TargetPlace[],
    base: RecoveryBase | null,
    { table, canonical, options }: Bearings,
  ) {
    const unitPlaces = targets.filter(({ place }) => place.kind === 'unit').map(({ path }) => path);
    const others = base === null ? [] : likeBase(table.mounts, ownSuperblocks(table, unitPlaces), base);
    const asked = new Set([
      ...(base === null ? [] : [base.path]),
      ...targets.filter(({ isResolved }) => isResolved).map(({ path }) => path),
      ...targets.flatMap(({ place }) => (place.kind === 'bind' ? [place.coldPath] : [])),
      ...others.filter((mount) => table.isReachable(mount)).map(({ mountPoint }) => mountPoint),
    ]);
    const { stale_errnos } = this.#configuration.storagebox;
    const found = await lookUpPaths([...asked], table, stale_errnos, options);
    const after = readMountTable();
    const lookups = new Map<string, Lookup>();
    for (const [path, lookup] of found)
      lookups.set(path, isSameWay(table, after, path) ? lookup : changedMeanwhile);
    for (const { configuredPath, path, isResolved } of targets) {
      const failure = isResolved ? null : canonical.failureOf(configuredPath);
      if (failure !== null) lookups.set(path, failure);
    }
    return lookups;
  }

  /**
   * A dead answer is asked for again, with fresh names, before anything rests on it: a server that says NO_CONNECTION looks like
   * a dead sshfs. What is dead stays dead, so each superblock is asked once in a run.
   * @returns the mount table afterwards
   */
  async #confirm(storage: Storage, table: MountTable): Promise<MountTable> {
    const { recovery, storagebox } = this.#configuration;
    const suspects = suspectsOf(storage).filter(({ device }) => !this.#confirmedDead.has(device));
    let left = suspects;
    for (let probe = 1; probe < recovery.confirm_probes && left.length > 0; probe++) {
      await sleep(recovery.confirm_interval_seconds * 1000);
      const options = startTheClock(
        recovery.probe_timeout_seconds * 1000,
        stuckProbesFolder(this.#configuration),
      );
      const now = readMountTable();
      const paths = left.map(({ path }) => path);
      const lookups = await lookUpPaths(paths, now, storagebox.stale_errnos, options);
      const answers = suspectsOf({ ...storage, mounts: now.mounts, lookups });
      left = left.filter(({ device }) => answers.some((answer) => answer.device === device));
    }
    for (const { device } of left) this.#confirmedDead.add(device);
    return suspects.length === 0 ? table : readMountTable();
  }
}

type Storage = Pick<
  RecoveryWorld,
  | 'jobsRoot'
  | 'staleErrnos'
  | 'mounts'
  | 'lookups'
  | 'confirmedDead'
  | 'waitingRequests'
  | 'base'
  | 'targets'
  | 'units'
  | 'manifestProblems'
>;

/** Superblocks that a lookup calls dead, each with a path on it. */
function suspectsOf({ mounts, lookups, staleErrnos }: Pick<Storage, 'mounts' | 'lookups' | 'staleErrnos'>) {
  const table = new MountTable(mounts);
  const suspects = new Map<string, string>();
  for (const [path, lookup] of lookups) {
    const failure = lookup.kind === 'failed_at' ? lookup.lookup : lookup;
    if (failure.kind !== 'error' || !staleErrnos.includes(failure.errno)) continue;
    const at = lookup.kind === 'failed_at' ? lookup.mountPoint : path;
    const mount = lookup.kind === 'failed_at' ? table.topmostAt(at) : table.covering(path);
    if (mount !== undefined) suspects.set(mount.device, at);
  }
  return [...suspects].map(([device, path]) => ({ device, path }));
}

async function crawlsIfSeen(
  configuration: Configuration,
): Promise<{ readonly crawls: RunningCrawl[]; readonly notSeen: string[] }> {
  try {
    return { crawls: await crawlsOfThisHost(workerPaths(configuration.paths.state_dir)), notSeen: [] };
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    const because = `which crawls run can’t be seen (${code} in ${configuration.paths.state_dir}): the plan takes it that none does`;
    return { crawls: [], notSeen: [because] };
  }
}

/** The limits of recovery, as the configuration has them. */
export function recoveryPolicy({ recovery, storagebox, worker, deploy }: Configuration): RecoveryPolicy {
  return {
    backoffInitialMs: recovery.backoff_initial_seconds * 1000,
    backoffMaxMs: recovery.backoff_max_seconds * 1000,
    maxPerHour: recovery.max_per_hour,
    maxPerDay: recovery.max_per_day,
    maxPerJobPerDay: recovery.max_per_job_per_day,
    abortHungAfterMs: recovery.abort_hung_after_seconds * 1000,
    deployLockMaxAgeMs: deploy.lock_max_age_seconds * 1000,
    reservedUnits: [storagebox.unit, worker.unit],
  };
}
