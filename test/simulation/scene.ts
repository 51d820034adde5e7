/** Worlds to begin with, what may happen to them, and what recovery sees of them. */
import type { RecoveryMemory } from '../../src/core/recovery/memory.ts';
import type { RecoveryPolicy } from '../../src/core/recovery/recovery-plan.ts';
import type { RecoveryWorld } from '../../src/core/recovery/recovery-world.ts';
import { recoveryTargets } from '../../src/core/recovery/targets.ts';
import type { ExpectationRules } from '../../src/core/storage/expectation.ts';
import { judgePath } from '../../src/core/storage/judge.ts';
import { locateBase } from '../../src/core/storage/base.ts';
import type { WantedPath } from '../../src/core/storage/wanted-paths.ts';
import { BASE, BASE_UNIT, HostModel, JOBS } from './host-model.ts';
import type { Random } from './random.ts';

export const policy: RecoveryPolicy = {
  backoffInitialMs: 30_000,
  backoffMaxMs: 900_000,
  maxPerHour: 6,
  maxPerDay: 24,
  maxPerJobPerDay: 6,
  abortHungAfterMs: 60_000,
  deployLockMaxAgeMs: 7_200_000,
  reservedUnits: [BASE_UNIT, 'worker.service'],
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
  readonly rules: ExpectationRules;
  readonly wanted: readonly WantedPath[];
  readonly spots: readonly Spot[];
  deployLock: RecoveryWorld['deployLock'] = 'free';
  hasSentinel = true;
  isClockStepped = false;
  isFlipping = false;
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
    this.wanted = this.spots
      .filter(({ kind }) => kind !== 'unasked')
      .map(({ name, kind }, index) => ({
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
      jobs: [],
    });
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

  /** What belongs there is there and answers: of a bind the directory of the base as it is now, of a unit its own mount. */
  isWell(path: string): boolean {
    const { host } = this;
    if (path === BASE) return host.table.topmostAt(BASE)?.fstype === 'fuse.sshfs' && !host.isBlocked(BASE);
    const target = recoveryTargets({
      wanted: this.wanted,
      rules: this.rules,
      base: { path: BASE, fstype: 'fuse.sshfs', unit: BASE_UNIT },
      mounts: host.mounts,
      takenOff: [],
      canonicalOf: (each) => each,
      isResolved: () => true,
      jobs: [],
    }).find((each) => each.path === path);
    if (target === undefined) return true;
    const { expectation } = target;
    const base = locateBase(host.table, BASE, 'fuse.sshfs');
    const lookup = host.lookUp(path);
    const evidence = { path, table: host.table, lookup, isResolved: true, expectation, base };
    return judgePath({ ...evidence, staleErrnos: ['ENOTCONN'], waitingRequests: null }).state === 'healthy';
  }

  startCrawl(random: Random): void {
    const spot = random.pick(this.spots);
    if (spot === undefined) return;
    const path = `${JOBS}/${spot.name}`;
    const outputDir = random.chance(0.8) ? path : `${path}/job`;
    const device = this.host.table.covering(path)?.device;
    const isBusy = this.host.crawls.some((crawl) => crawl.outputDir === outputDir);
    // The worker begins nothing on storage that is not what is expected, nor while the base is away.
    if (device === undefined || isBusy || !this.isWell(path) || !this.isWell(BASE)) return;
    const jobId = this.spots.indexOf(spot) + 1;
    this.host.crawls.push({
      attempt: `${jobId}-${this.#nextCrawl++}`,
      jobId,
      outputDir,
      device,
      isDeviceKnown: random.chance(0.9),
    });
  }
}

export function unitOf(name: string): string {
  return `${name.replaceAll('/', '-')}.service`;
}
