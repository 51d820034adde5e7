/** Worlds to decide about: a host with a box at /box, jobs below /jobs, and nothing wrong unless it is said. */
import type { RecoveryPolicy } from '../../../src/core/recovery/recovery-plan.ts';
import type {
  RecoveryWorld,
  WatchedBase,
  WatchedCrawl,
  WatchedPath,
} from '../../../src/core/recovery/recovery-world.ts';
import type { UnitState } from '../../../src/core/units/unit-state.ts';
import type { MountSummary } from '../../../src/core/storage/path-report.ts';
import type { StorageState } from '../../../src/core/storage/path-state.ts';

export const NOW = 1_700_000_000_000;

export function mountOf(device: string, id = 50): MountSummary {
  return { id, fstype: 'fuse.sshfs', source: 'u@box:', root: '/jobs/x', device, layers: 1 };
}

export function unit(name: string, more: Partial<UnitState> = {}): UnitState {
  return {
    unit: name,
    load: 'loaded',
    active: 'active',
    sub: 'running',
    fileState: 'enabled',
    invocationId: 'one',
    ...more,
  };
}

export const restarting = { active: 'activating', sub: 'auto-restart' } as const;

export function base(state: StorageState, more: Partial<WatchedBase> = {}): WatchedBase {
  const mount = state === 'missing' ? null : { ...mountOf('0:77', 40), root: '/' };
  return {
    report: { path: '/box', state, errno: null, reason: `it is ${state}`, mount },
    path: '/box',
    unit: 'base.service',
    unitState: unit('base.service'),
    isConfirmed: true,
    hungForMs: null,
    waitingRequests: null,
    ...more,
  };
}

/** A bind of the box; `own`: a mount with a unit of its own. */
export function path(
  name: string,
  state: StorageState,
  more: Partial<WatchedPath> & { readonly own?: boolean } = {},
): WatchedPath {
  const { own = false, ...rest } = more;
  const hot = `/jobs/${name}`;
  const isMounted = state !== 'missing';
  const device = own ? '0:99' : state === 'healthy' ? '0:77' : '0:66';
  return {
    path: hot,
    configuredPath: hot,
    coldPath: own ? null : `/box/jobs/${name}`,
    state,
    errno: null,
    reason: `it is ${state}`,
    mount: isMounted ? mountOf(device) : null,
    isSecured: true,
    coveredBy: isMounted ? hot : '/',
    crawls: [],
    inner: [],
    shadowed: null,
    unit: own ? `${name}.service` : null,
    unitState: own ? unit(`${name}.service`) : null,
    mountedBy: own ? 'unit' : 'bind',
    isConfirmed: true,
    hungForMs: null,
    waitingRequests: null,
    jobs: [],
    ...rest,
  };
}

export function crawl(name: string, state: StorageState, jobId = 1): WatchedCrawl {
  return { attempt: `${jobId}-001`, jobId, outputDir: `/jobs/${name}`, state };
}

export function world(paths: readonly WatchedPath[], more: Partial<RecoveryWorld> = {}): RecoveryWorld {
  return {
    jobsRoot: '/jobs',
    base: base('healthy'),
    paths,
    crawls: [],
    cooldowns: [],
    jobsUnknownBecause: null,
    manifestProblems: [],
    worker: unit('worker.service'),
    deployLock: 'free',
    hasSentinel: true,
    bootId: 'boot',
    ...more,
  };
}

export const policy: RecoveryPolicy = {
  backoffInitialMs: 30_000,
  backoffMaxMs: 900_000,
  maxPerHour: 6,
  maxPerDay: 24,
  maxPerJobPerDay: 6,
  abortHungAfterMs: 0,
};
