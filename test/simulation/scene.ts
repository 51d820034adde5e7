/** Worlds to begin with, what may happen to them, and what recovery sees of them. */
import type { RecoveryMemory } from '../../src/core/recovery/memory.ts';
import type { RecoveryPolicy } from '../../src/core/recovery/recovery-plan.ts';
import type { RecoveryWorld } from '../../src/core/recovery/recovery-world.ts';
import { recoveryTargets } from '../../src/core/recovery/targets.ts';
import type { ExpectationRules } from '../../src/core/storage/expectation.ts';
import { judgePath } from '../../src/core/storage/judge.ts';
import type { AutoStartWorld } from '../../src/core/autostart/auto-start-world.ts';
import type { StorageState } from '../../src/core/storage/path-state.ts';
import { locateBase } from '../../src/core/storage/base.ts';
import type { WantedPath } from '../../src/core/storage/wanted-paths.ts';
import { BASE, BASE_UNIT, HostModel, JOBS } from './host-model.ts';
import type { Random } from './random.ts';
import { WORKER_UNIT, WorkerModel } from './worker-model.ts';

export const policy: RecoveryPolicy = {
  backoffInitialMs: 30_000,
  backoffMaxMs: 900_000,
  maxPerHour: 6,
  maxPerDay: 24,
  maxPerJobPerDay: 6,
  abortHungAfterMs: 60_000,
  deployLockMaxAgeMs: 7_200_000,
  reservedUnits: [BASE_UNIT, WORKER_UNIT],
};

export interface Spot {
  readonly name: string;
  readonly kind: 'bind' | 'unit' | 'unasked' | 'local';
}

/** Some of these make a world: flat ones, and one inside the other of either kind. */
const spots: readonly Spot[] = [
  { name: 'a', kind: 'bind' },
  { name: 'a/in', kind: 'bind' },
  { name: 'a/in/deep', kind: 'unit' },
  { name: 'b', kind: 'bind' },
  { name: 'b/own', kind: 'unit' },
  { name: 'u', kind: 'unit' },
  { name: 'u/in', kind: 'bind' },
  { name: 'x', kind: 'unasked' },
  { name: 'l', kind: 'local' },
];

export class Scene {
  readonly host = new HostModel();
  readonly worker: WorkerModel;
  readonly rules: ExpectationRules;
  readonly wanted: readonly WantedPath[];
  readonly spots: readonly Spot[];
  deployLock: RecoveryWorld['deployLock'] = 'free';
  hasSentinel = true;
  hasAutoStartSentinel = true;
  isClockStepped = false;
  isFlipping = false;
  /** Launch specs, which say on what a crawl works. */
  areSpecsReadable = false;
  #nextCrawl = 1;

  constructor(chosen: readonly Spot[], restartsOf: (spot: Spot) => boolean = () => true) {
    const host = this.host;
    host.addUnit(BASE_UNIT, BASE, true);
    this.spots = chosen;
    const binds = this.spots.filter(({ kind }) => kind === 'bind');
    const units = this.spots.filter(({ kind }) => kind === 'unit');
    for (const { name, kind } of this.spots) {
      if (kind === 'unit') host.addUnit(unitOf(name), `${JOBS}/${name}`, restartsOf({ name, kind }));
      else if (kind !== 'local') host.bind(`${BASE}/jobs/${name}`, `${JOBS}/${name}`);
    }
    this.rules = {
      jobsRoot: JOBS,
      storagebox: { mount: BASE, coldRoot: `${BASE}/jobs` },
      manifest: binds.map(({ name }, line) => ({
        coldPath: `${BASE}/jobs/${name}`,
        hotPath: `${JOBS}/${name}`,
        line,
      })),
      hotMounts: units.map(({ name }) => ({ path: `${JOBS}/${name}`, unit: unitOf(name) })),
    };
    const asked = this.spots.filter(({ kind }) => kind !== 'unasked');
    this.worker = new WorkerModel(
      host,
      asked.map((_, index) => index + 1),
    );
    this.wanted = asked.map(({ name, kind }, index) => ({
      path: `${JOBS}/${name}`,
      jobs: [index + 1],
      isInManifest: kind === 'bind',
      isAnnualCampaignJob: false,
      recordedIdentity: null,
    }));
  }

  static random(random: Random): Scene {
    const scene = new Scene(
      spots.filter(() => random.chance(0.6)),
      () => random.chance(0.5),
    );
    if (random.chance(0.1)) scene.host.bind(`${BASE}/else`, '/mnt/else');
    return scene;
  }

  /** What a look shows: the mount table, lookups, units, locks and launch specs; not who lives. */
  observe({ takenOff }: Pick<RecoveryMemory, 'takenOff'>): RecoveryWorld {
    const { host, wanted, rules } = this;
    const base = { path: BASE, fstype: 'fuse.sshfs', unit: BASE_UNIT };
    const targets = recoveryTargets({
      wanted,
      rules,
      base,
      mounts: host.mounts,
      takenOff,
      canonicalOf: (path) => path,
      isResolved: () => true,
    }).map((place) => ({ ...place, archive: null }));
    const asked = new Set([
      BASE,
      ...targets.map(({ path }) => path),
      ...host.mounts.filter(({ fstype }) => fstype === 'fuse.sshfs').map(({ mountPoint }) => mountPoint),
    ]);
    const dead = [...host.superblocks].filter(([, { isAlive }]) => !isAlive).map(([device]) => device);
    const isFrozen = host.server === 'frozen';
    return {
      jobsRoot: JOBS,
      staleErrnos: ['ENOTCONN'],
      mounts: host.mounts,
      lookups: new Map([...asked].map((path) => [path, host.lookUp(path)])),
      confirmedDead: new Set(this.isFlipping ? [] : dead),
      waitingRequests: new Map(host.mounts.map(({ device }) => [device, isFrozen ? 1 : 0])),
      base,
      targets,
      units: new Map([...host.units.keys()].map((name) => [name, host.unitState(name)])),
      crawls: host.crawls.map(({ attempt, jobId, outputDir, device, isDeviceKnown }) => ({
        attempt,
        jobId,
        outputDir,
        device: isDeviceKnown ? device : null,
      })),
      notSeen: [],
      jobsUnknownBecause: null,
      manifestProblems: [],
      deployLock: this.deployLock,
      hasSentinel: this.hasSentinel,
      clock: { bootId: 'boot', bootMs: host.bootMs },
    };
  }

  /** What a look of auto-start's shows. */
  observeWorker(isRecoveryAtWork: boolean): AutoStartWorld {
    const { host, worker } = this;
    const base = this.isWell(BASE) ? 'healthy' : 'dead';
    return {
      hasSentinel: this.hasAutoStartSentinel,
      deployLock: this.deployLock,
      isRecoveryAtWork,
      clock: { bootId: 'boot', bootMs: host.bootMs },
      unit: WORKER_UNIT,
      unitState: worker.unitState,
      base: { state: base, reason: base },
      jobs: worker.isDatabaseAway
        ? { isKnown: false, because: 'the database is away' }
        : {
            isKnown: true,
            pending: worker.pending.map((id) => {
              const path = this.pathOf(id);
              const state = this.#stateOf(path);
              return { id, path, state, reason: state };
            }),
            runningHere: worker.runningRows,
          },
    };
  }

  /** What belongs there is there and answers: of a bind the directory of the base as it is now, of a unit its own mount. */
  isWell(path: string): boolean {
    const { host } = this;
    if (path === BASE) return host.table.topmostAt(BASE)?.fstype === 'fuse.sshfs' && !host.isBlocked(BASE);
    return this.#stateOf(path) === 'healthy';
  }

  #stateOf(path: string): StorageState {
    const { host } = this;
    const target = recoveryTargets({
      wanted: this.wanted,
      rules: this.rules,
      base: { path: BASE, fstype: 'fuse.sshfs', unit: BASE_UNIT },
      mounts: host.mounts,
      takenOff: [],
      canonicalOf: (each) => each,
      isResolved: () => true,
    }).find((each) => each.path === path);
    if (target === undefined) return 'healthy';
    const { expectation } = target;
    const base = locateBase(host.table, BASE, 'fuse.sshfs');
    const lookup = host.lookUp(path);
    const evidence = { path, table: host.table, lookup, isResolved: true, expectation, base };
    return judgePath({ ...evidence, staleErrnos: ['ENOTCONN'], waitingRequests: null }).state;
  }

  pathOf(job: number): string {
    const path = this.wanted[job - 1]?.path;
    if (path === undefined) throw new Error(`there is no job ${job}`);
    return path;
  }

  /** Time passes between the runs of the automations; a worker that runs begins some of the crawls that wait. */
  pass(milliseconds: number, random: Random, crawlChance = 0.3): void {
    this.host.pass(milliseconds);
    this.worker.pass();
    for (const job of this.worker.pending) if (random.chance(crawlChance)) this.startCrawl(job, random);
  }

  /** The worker begins nothing on storage that is not what is expected, nor while the base is away. */
  startCrawl(job: number, random: Random): void {
    const { host, worker } = this;
    const path = this.pathOf(job);
    const device = host.table.covering(path)?.device;
    if (worker.state !== 'running' || worker.isDatabaseAway || worker.rows.get(job) !== 'queued') return;
    if (device === undefined || !this.isWell(path) || !this.isWell(BASE)) return;
    worker.rows.set(job, 'running');
    host.crawls.push({
      attempt: `${job}-${this.#nextCrawl++}`,
      jobId: job,
      outputDir: random.chance(0.8) ? path : `${path}/job`,
      device,
      isDeviceKnown: this.areSpecsReadable || random.chance(0.9),
    });
  }
}

export function unitOf(name: string): string {
  return `${name.replaceAll('/', '-')}.service`;
}
