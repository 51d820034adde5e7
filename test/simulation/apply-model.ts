/** Recovery's steps done to the model of a host, with the checks that the real ones make, and the rules they must never break. */
import assert from 'node:assert/strict';
import type { StepResult } from '../../src/core/plan.ts';
import { insideOf } from '../../src/core/recovery/clear-place.ts';
import type { RecoveryStep, RestartStep } from '../../src/core/recovery/recovery-plan.ts';
import type { Mount } from '../../src/core/storage/mountinfo.ts';
import { isBelow, isNear } from '../../src/core/storage/path-relation.ts';
import type { BindStep, ExpectedOuter, UnmountStep } from '../../src/core/tiering/tiering-plan.ts';
import { BASE, JOBS } from './host-model.ts';
import { mishap } from './mishaps.ts';
import type { Random } from './random.ts';
import type { Scene } from './scene.ts';

/** Thrown where a run of recovery is killed. */
export class Killed extends Error {}

export interface Chances {
  /** That something happens right before a step. */
  readonly mishap: number;
  readonly stepFails: number;
  readonly killed: number;
}

type Ending = Pick<StepResult<RecoveryStep>, 'outcome' | 'error'>;
const done: Ending = { outcome: 'done', error: null };
const failed = (error: string): Ending => ({ outcome: 'failed', error });

export function applyToModel(
  steps: readonly RecoveryStep[],
  scene: Scene,
  random: Random,
  chances: Chances,
): StepResult<RecoveryStep>[] {
  const results: StepResult<RecoveryStep>[] = [];
  const broken: string[] = [];
  for (const step of steps) {
    if (random.chance(chances.mishap)) mishap(scene, random);
    if (random.chance(chances.killed)) throw new Killed();
    const cause = broken.find((path) => step.path === path || isBelow(step.path, path) || path === BASE);
    const ending =
      cause !== undefined
        ? ({ outcome: 'skipped', error: cause } as const)
        : random.chance(chances.stepFails)
          ? failed('by chance')
          : act(step, scene);
    if (ending.outcome === 'failed') broken.push(step.path);
    results.push({ step, ...ending, durationMs: 0 });
    scene.host.pass(100);
  }
  return results;
}

function act(step: RecoveryStep, scene: Scene): Ending {
  const { host } = scene;
  switch (step.kind) {
    case 'wait':
      host.pass(5000);
      return host.units.get(step.unit)?.state === 'running' ? done : { outcome: 'skipped', error: 'not yet' };
    case 'interrupt': {
      const crawl = host.crawls.find(({ attempt }) => attempt === step.attempt);
      if (crawl === undefined) return done;
      assert.ok(!isAlive(scene, crawl.device), `interrupts ${crawl.attempt}, whose storage lives`);
      host.crawls = host.crawls.filter((other) => other !== crawl);
      // Its worker says so, or recovery in its place.
      if (!scene.worker.isDatabaseAway) scene.worker.rows.set(crawl.jobId, 'queued');
      return done;
    }
    case 'abort': {
      if (host.server !== 'frozen') return failed('it does not hang any more');
      host.abort(step.device);
      return done;
    }
    case 'restart':
      return restart(step, scene);
    case 'unmount':
      return unmount(step, scene);
    case 'bind':
      return bind(step, scene);
    case 'verify':
      return scene.isWell(step.path) ? done : failed('not healthy');
  }
}

function isAlive({ host }: Scene, device: string): boolean {
  return host.superblocks.get(device)?.isAlive ?? true;
}

/** Rule: no step ends a superblock that a crawl uses, unless that is dead. What hangs on a frozen server is as good as dead. */
function restart({ unit, outer }: RestartStep, scene: Scene): Ending {
  const { host } = scene;
  if (!isOuterThere(outer, scene)) return failed('the outer place is another');
  // Right before: systemd may be at it by itself.
  if (host.units.get(unit)?.state === 'busy') return failed('systemd is at it');
  const path = host.units.get(unit)?.path ?? '';
  if (scene.isWell(path)) return done;
  for (const { device, attempt } of host.crawls) {
    const superblock = host.superblocks.get(device);
    const isEnded = superblock?.servedBy === unit && superblock.isAlive;
    assert.ok(!isEnded, `the restart of ${unit} ends ${attempt}`);
  }
  host.stopUnit(unit);
  host.startUnit(unit);
  return host.units.get(unit)?.state === 'running' ? done : failed('it does not start');
}

function isOuterThere(outer: ExpectedOuter, { host }: Scene): boolean {
  return outer === null || host.table.topmostAt(outer.path)?.device === outer.device;
}

function unmount({ path, expects, along }: UnmountStep, scene: Scene): Ending {
  const { host } = scene;
  assert.ok(isBelow(path, JOBS), `unmounts ${path}`);
  const stack = host.table.stackAt(path).slice(-expects.layers);
  const top = stack.at(-1);
  if (top?.id !== expects.mountId || top.device !== expects.device) return failed('another mount');
  if (isAlive(scene, top.device)) return failed('it lives now');
  if (stack.some(({ device }) => device !== top.device && isAlive(scene, device)))
    return failed('a living layer');
  const inside = insideOf(stack, host.table);
  const isForeign = inside.some(
    ({ device, mountPoint }) => device !== top.device && !along.includes(mountPoint),
  );
  if (isForeign) return failed('something else is mounted inside');
  const gone = [...stack, ...inside];
  const userOf = ({ device, mountPoint }: Mount) => {
    const staysMounted = host.mounts.some((other) => other.device === device && !gone.includes(other));
    return host.crawls.find(
      (crawl) => crawl.device === device && (!staysMounted || isNear(crawl.outputDir, mountPoint)),
    );
  };
  for (const mount of inside) {
    const crawl = isAlive(scene, mount.device) ? userOf(mount) : undefined;
    if (crawl !== undefined) return failed(`${crawl.attempt} began on ${mount.mountPoint}`);
  }
  for (const mount of gone) {
    const isUsed = isAlive(scene, mount.device) && userOf(mount) !== undefined;
    assert.ok(!isUsed, `unmounts ${mount.mountPoint}, on which a crawl lives`);
  }
  for (let count = stack.length; count > 0; count--) host.unmountTop(path);
  return done;
}

function bind({ path, coldPath, expects }: BindStep, scene: Scene): Ending {
  const { host } = scene;
  const base = host.table.topmostAt(BASE);
  if (base?.id !== expects.base?.mountId || base?.device !== expects.base?.device)
    return failed('another base');
  if (host.isBlocked(BASE)) return failed('the base does not answer');
  if (host.table.topmostAt(path) !== undefined) return failed('something is mounted there');
  if (host.table.below(path).length > 0) return failed('something below would be hidden');
  if (!isOuterThere(expects.outer, scene)) return failed('the outer place is another');
  const outerSpot = scene.spots.find(
    ({ name, kind }) => kind !== 'local' && kind !== 'unasked' && isBelow(path, `${JOBS}/${name}`),
  );
  const isOnOuter =
    outerSpot === undefined || host.table.topmostAt(`${JOBS}/${outerSpot.name}`) !== undefined;
  assert.ok(isOnOuter, `binds ${path} onto the local disk, below an outer place that is not mounted`);
  host.bind(coldPath, path);
  return done;
}
