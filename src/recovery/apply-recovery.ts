/**
 * Carries out the steps of one round. Crawls on dead storage are ended first; then, under the storage lock, what is dead is taken
 * off and what belongs there is bound; then units are restarted; and each place is proved. Each step checks again right before it
 * acts; one that fails stops what lies at or below its path, and nothing else.
 */
import { writeFileSync } from 'node:fs';
import type { Configuration } from '../config/schema.ts';
import { LockHeldError } from '../core/errors.ts';
import { inLanes } from '../core/in-lanes.ts';
import type { StepResult } from '../core/plan.ts';
import { onLocalDisk } from '../core/recovery/recovery-world.ts';
import type { AbortStep, RecoveryStep, RestartStep, WaitStep } from '../core/recovery/recovery-plan.ts';
import type { SeenWorld } from '../core/recovery/seen-world.ts';
import { isAtOrBelow } from '../core/storage/path-relation.ts';
import type { BindStep, UnmountStep } from '../core/tiering/tiering-plan.ts';
import { isNetworkFileSystem } from '../core/storage/network-file-system.ts';
import { isSystemdAtIt, unitActivity, type UnitState } from '../core/units/unit-state.ts';
import { readFuseConnections, readMountTable } from '../effects/read-mounts.ts';
import { observeStorage } from '../effects/storage-probe.ts';
import { askUnit, showUnits } from '../effects/systemd.ts';
import { lockStorage } from '../worker/host-locks.ts';
import {
  bindIfAbsent,
  done,
  type Ending,
  failed,
  type MountSurroundings,
  sideBySide,
  skipped,
  unmountLayers,
  verifyPath,
} from '../tiering/mount-steps.ts';
import { stateOfSuperblock } from '../worker/job-storage.ts';
import { crawlsOfThisHost } from '../worker/live-crawls.ts';
import { workerPaths } from '../worker/worker-paths.ts';
import { interruptCrawl } from './interrupt-crawl.ts';
import { waitForUnit } from './wait-for-unit.ts';

/** Longer than one attempt of the base's unit to start (TimeoutStartSec=20). */
const unitPatienceMs = 25_000;

type Result = StepResult<RecoveryStep>;

export async function applyRecovery(
  steps: readonly RecoveryStep[],
  seen: SeenWorld,
  configuration: Configuration,
  around: MountSurroundings,
): Promise<Result[]> {
  const round = new Round(steps, seen, configuration, around);
  return await round.apply();
}

class Round {
  readonly #steps: readonly RecoveryStep[];
  readonly #seen: SeenWorld;
  readonly #configuration: Configuration;
  readonly #around: MountSurroundings;
  readonly #results = new Map<RecoveryStep, Result>();

  constructor(
    steps: readonly RecoveryStep[],
    seen: SeenWorld,
    configuration: Configuration,
    around: MountSurroundings,
  ) {
    this.#steps = steps;
    this.#seen = seen;
    this.#configuration = configuration;
    this.#around = around;
  }

  async apply(): Promise<Result[]> {
    await this.#all('interrupt', async (step) => await interruptCrawl(step, this.#configuration));
    await this.#all('abort', (step) => Promise.resolve(abort(step)));
    await this.#mountSteps();
    await Promise.all([
      this.#all('restart', async (step) => await this.#restart(step)),
      this.#all('wait', waitThrough),
    ]);
    await this.#verifyAll();
    return this.#steps.flatMap((step) => this.#results.get(step) ?? []);
  }

  /** Every step of a kind, side by side: all at once, or so many at a time. */
  async #all<Kind extends RecoveryStep['kind']>(
    kind: Kind,
    act: (step: Extract<RecoveryStep, { kind: Kind }>) => Promise<Ending>,
    lanes = Number.POSITIVE_INFINITY,
  ): Promise<void> {
    const steps = this.#steps.filter(
      (step): step is Extract<RecoveryStep, { kind: Kind }> => step.kind === kind,
    );
    await inLanes(steps, lanes, (step) => this.#run(step, () => act(step)));
  }

  async #run(step: RecoveryStep, act: () => Promise<Ending>): Promise<void> {
    const cause = this.#causeToSkip(step);
    const beginMs = performance.now();
    const ending = cause === null ? await act() : skipped(cause);
    this.#results.set(step, { step, ...ending, durationMs: performance.now() - beginMs });
  }

  /** A place that could not be cleared is not mounted; one on which a crawl could not be ended is not cleared. */
  #causeToSkip(step: RecoveryStep): string | null {
    for (const { step: other, outcome } of this.#results.values()) {
      if (outcome !== 'failed') continue;
      if (other.kind === 'interrupt') {
        if (step.kind !== 'interrupt' && isAtOrBelow(other.path, step.path))
          return `crawl ${other.attempt} could not be ended`;
      } else if (other.path === step.path) return 'a step before it failed';
      else if (isAtOrBelow(step.path, other.path)) return `what is above it failed: ${other.path}`;
    }
    return null;
  }

  async #mountSteps(): Promise<void> {
    const steps = this.#steps.filter((step) => step.kind === 'unmount' || step.kind === 'bind');
    if (steps.length === 0) return;
    const lock = await lockUnlessBusy(workerPaths(this.#configuration.paths.state_dir).storageLock);
    if (typeof lock === 'string') {
      for (const step of steps) await this.#run(step, () => Promise.resolve(failed(lock)));
      return;
    }
    try {
      const stateNow = await this.#lookAgain(steps);
      const trees = treesOf(steps);
      await inLanes(trees, sideBySide, async (tree) => {
        for (const step of tree) await this.#run(step, () => this.#mountStep(step, steps, stateNow));
      });
    } finally {
      lock.release();
    }
  }

  async #mountStep(
    step: UnmountStep | BindStep,
    steps: readonly (UnmountStep | BindStep)[],
    stateNow: ReadonlyMap<string, string>,
  ): Promise<Ending> {
    const { base } = this.#seen;
    const needsBase = step.expects.base !== null;
    const baseNow = base?.mount ? stateNow.get(base.mount.device) : undefined;
    // Nothing is taken off that could not be mounted again now.
    if (needsBase && baseNow !== 'healthy') return failed(`the storage box is ${baseNow ?? 'away'} now`);
    const binds = steps.filter((other) => other.kind === 'bind');
    if (step.kind === 'bind') return await bindIfAbsent(step, this.#around);
    const now = stateNow.get(step.expects.device);
    if (now !== 'dead') return failed(`it is ${now ?? 'not to be seen'} now, no longer dead`);
    if (await this.#isUnitStarting(step.path)) return failed('its unit is just starting');
    return await unmountLayers(step, binds, this.#around);
  }

  /** Neither mount id nor device tells a mount from the one that came after it (F17): each superblock is looked up anew. */
  async #lookAgain(steps: readonly (UnmountStep | BindStep)[]): Promise<ReadonlyMap<string, string>> {
    const devices = new Set(steps.flatMap((step) => (step.kind === 'unmount' ? [step.expects.device] : [])));
    const { base } = this.#seen;
    if (base?.mount) devices.add(base.mount.device);
    const states = await Promise.all(
      [...devices].map(async (device) => {
        const state = await stateOfSuperblock(this.#configuration, device);
        return [device, state ?? 'gone'] as const;
      }),
    );
    return new Map(states);
  }

  async #isUnitStarting(path: string): Promise<boolean> {
    const place = this.#seen.targets.find((target) => target.path === path)?.place;
    if (place?.kind !== 'unit') return false;
    const [state] = await showUnits([place.unit]);
    return state?.active === 'activating' && state.sub !== 'auto-restart';
  }

  async #restart(step: RestartStep): Promise<Ending> {
    const { unit, outer } = step;
    const table = readMountTable();
    if (outer !== null && table.topmostAt(outer.path)?.device !== outer.device)
      return failed(`${outer.path}, in which it lies, is not mounted as it was when the plan was made`);
    const crawl = await this.#crawlSince();
    if (crawl !== null) return failed(`crawl ${crawl} has begun meanwhile`);
    const [state] = await showUnits([unit]);
    if (isSystemdAtIt(state ?? null)) return await waitThrough(step);
    const problem = await askUnit('restart', unit);
    if (problem !== null) return failed(problem);
    // Until systemd has begun, the unit is as it was before.
    return await waitThrough(step, (now) => now.invocationId !== state?.invocationId);
  }

  /** One that was admitted since the plan was made, on anything but the local disk. */
  async #crawlSince(): Promise<string | null> {
    const { world, table } = this.#seen;
    const known = new Set(world.crawls.map(({ attempt }) => attempt));
    const isLocal = (device: string): boolean =>
      device === onLocalDisk || table.onSuperblock(device).some(({ fstype }) => !isNetworkFileSystem(fstype));
    const crawls = await crawlsOfThisHost(workerPaths(this.#configuration.paths.state_dir));
    const since = crawls.find(
      ({ attempt, device }) => !known.has(attempt) && (device === null || !isLocal(device)),
    );
    return since?.attempt ?? null;
  }

  async #verifyAll(): Promise<void> {
    const steps = this.#steps.filter((step) => step.kind === 'verify');
    const due = steps.filter((step) => this.#causeToSkip(step) === null);
    const report = due.length === 0 ? null : await this.#observe(due.map(({ path }) => path));
    await this.#all(
      'verify',
      async ({ path }) => {
        const { base } = this.#seen.world;
        if (path !== base?.path) {
          const seen = report?.paths.find((each) => each.path === path);
          return await verifyPath(path, seen, this.#around);
        }
        const box = report?.base ?? undefined;
        const identity = { kind: 'mount', fstype: base.fstype, source: '', root: '/' } as const;
        return await verifyPath(this.#coldRoot(), box && { ...box, identity }, this.#around);
      },
      sideBySide,
    );
  }

  /** The base is written to where its jobs write. */
  #coldRoot(): string {
    const { cold_root, mount } = this.#configuration.storagebox;
    const bind = this.#seen.targets.find(({ place }) => place.kind === 'bind');
    return bind === undefined ? mount : cold_root;
  }

  async #observe(paths: readonly string[]) {
    const { storagebox } = this.#configuration;
    const { staleErrnos, access } = this.#around;
    return await observeStorage({
      base: storagebox.mount === '' ? null : { mount: storagebox.mount, fstype: storagebox.fstype },
      paths: this.#seen.targets
        .filter(({ path }) => paths.includes(path))
        .map(({ path, expectation }) => ({ path, expectation })),
      staleErrnos,
      probeTimeoutMs: access.timeoutMs,
      stuckDir: access.stuckDir,
    });
  }
}

async function waitThrough(
  { unit, path }: WaitStep | RestartStep,
  hasBegun: (now: UnitState) => boolean = () => true,
): Promise<Ending> {
  const isOver = (now: UnitState): boolean => hasBegun(now) && !isSystemdAtIt(now);
  const state = await waitForUnit({ unit, path, deadlineMs: unitPatienceMs, isOver });
  if (state !== null && isOver(state))
    return unitActivity(state) === 'running'
      ? done
      : failed(`${unit} does not start; see systemctl status ${unit}`);
  const why = state === null ? 'systemd does not answer' : `systemd is still at ${unit}`;
  return skipped(`${why} after ${unitPatienceMs / 1000} s`);
}

/** Whoever waits is freed within 0.2 s, and the mount is dead (storage-facts F6). */
function abort({ device }: AbortStep): Ending {
  const minor = device.slice(device.indexOf(':') + 1);
  if ((readFuseConnections().get(device) ?? 0) === 0) return failed('nobody waits for it any more');
  try {
    writeFileSync(`/sys/fs/fuse/connections/${minor}/abort`, '1');
    return done;
  } catch (error) {
    return failed(
      `its FUSE connection could not be aborted (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`,
    );
  }
}

async function lockUnlessBusy(path: string) {
  try {
    return await lockStorage(path);
  } catch (error) {
    if (error instanceof LockHeldError) return error.message;
    throw error;
  }
}

/** Steps on paths that lie inside one another stay in their order; the others go side by side. */
function treesOf<S extends { readonly path: string }>(steps: readonly S[]): S[][] {
  const tops = steps
    .map(({ path }) => path)
    .filter((path) => !steps.some((other) => other.path !== path && isAtOrBelow(path, other.path)));
  return [...new Set(tops)].map((top) => steps.filter(({ path }) => isAtOrBelow(path, top)));
}
