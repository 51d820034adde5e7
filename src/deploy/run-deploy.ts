import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Configuration } from '../config/schema.ts';
import { automations } from '../core/automations.ts';
import {
  cleanSteps,
  decideDeploy,
  decideReturn,
  decideRollback,
  fallbackOf,
  fetchStep,
  mustGoBack,
} from '../core/deploy/decide-deploy.ts';
import { endEntry, releaseBefore, withdrawEntry } from '../core/deploy/deploy-record.ts';
import type { DeployStep, DeployWorld, WantedRelease } from '../core/deploy/deploy-world.ts';
import { OperatorError, RefusedError } from '../core/errors.ts';
import { deployLogFile, releases } from '../core/install/layout.ts';
import { general, type Refusal, type StepResult } from '../core/plan.ts';
import { redact } from '../core/text/redact.ts';
import { deployLockState } from '../effects/automation-gates.ts';
import { tryLock } from '../effects/flock.ts';
import { askUnit, showUnits } from '../effects/systemd.ts';
import { currentRelease, unfinished, versionOfRelease } from '../install/releases.ts';
import { carryOut, type Deployment } from './apply-deploy.ts';
import { buildCommands, type RunBuildCommand } from './build-commands.ts';
import { changeRecord, observeDeploy } from './observe-deploy.ts';
import { type Health, spoilable, whatIsOff } from './prove.ts';
import { type DeploySource, fetchSource } from './source.ts';

/** What is asked for: a release of a source, or the one before that in use. */
export type DeployTarget = DeploySource | 'rollback';

export interface DeployOptions {
  readonly isRestartSkipped: boolean;
  readonly isForced: boolean;
}

export interface DeployRun {
  readonly steps: readonly DeployStep[];
  readonly results: readonly StepResult<DeployStep>[];
  readonly refusals: readonly Refusal[];
  readonly reason: string;
}

/** Who looks on. */
export interface DeployWatch {
  readonly onStart: (step: Pick<DeployStep, 'kind' | 'because'>) => void;
  readonly onEnd: (result: StepResult<DeployStep>) => void;
  /** Aborted: what can still be left is left, and nothing was changed. From the switch on a deploy comes to its end. */
  readonly signal: AbortSignal;
}

const keptReleases = 5;
const buildKinds: readonly DeployStep['kind'][] = ['build', 'check', 'release'];
/** Why a step was left after one that failed. */
export const afterFailure = 'a step before it failed';

const lockHeld = general('deploy_lock', 'another deploy runs: it holds the deploy lock');

/** What a deploy would do now. Nothing is changed; the source is looked at in a temporary folder. */
export async function foreseeDeploy(
  configuration: Configuration,
  target: DeployTarget,
  options: DeployOptions,
): Promise<DeployRun> {
  const world = await observeDeploy(configuration);
  const folder = mkdtempSync(join(tmpdir(), 'healtharchive-deploy-'));
  try {
    const run = buildCommands({ logFile: null, lockFd: null });
    const wanted = await wantedRelease(target, world, join(folder, 'source'), run);
    const steps = [...cleanSteps(world), ...decide(target, world, wanted, options)];
    const isHeld = (await deployLockState(configuration.paths.deploy_lock)) === 'held';
    return { steps, results: [], refusals: isHeld ? [lockHeld] : [], reason: reasonOf(wanted, steps) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Does it, under the deploy lock; and goes back to the release before if the new one is not healthy. */
export async function runDeploy(
  configuration: Configuration,
  target: DeployTarget,
  options: DeployOptions,
  watch: DeployWatch,
): Promise<DeployRun> {
  if (process.geteuid?.() !== 0)
    return refused(general('needs_root', 'a deploy is root’s; without --apply the plan is shown'));
  // Root's own may close to others what they must read.
  process.umask(0o022);
  const lock = await tryLock(configuration.paths.deploy_lock, 'exclusive');
  if (lock === null) return refused(lockHeld);
  const source = join(releases, `source${unfinished}`);
  try {
    return await deployLocked(configuration, target, options, watch, { source, lockFd: lock.fd });
  } finally {
    rmSync(source, { recursive: true, force: true });
    lock.release();
    await haveRecoveryLook();
  }
}

/** What broke meanwhile was left for the deploy's sake: it need not wait for the next round of the timer as well. */
async function haveRecoveryLook(): Promise<void> {
  const { units } = automations['storage-hotpath-auto-recover'];
  const [timer = null] = await showUnits(units);
  if (timer?.active === 'active') await askUnit('start', timer.unit.replace(/timer$/, 'service'));
}

const refused = (refusal: Refusal): DeployRun => ({
  steps: [],
  results: [],
  refusals: [refusal],
  reason: refusal.because,
});

async function deployLocked(
  configuration: Configuration,
  target: DeployTarget,
  options: DeployOptions,
  watch: DeployWatch,
  { source, lockFd }: { readonly source: string; readonly lockFd: number },
): Promise<DeployRun> {
  const results: StepResult<DeployStep>[] = [];
  const world = await observeDeploy(configuration);
  const run = buildCommands({ logFile: deployLogFile, lockFd, signal: watch.signal });
  const runOn = buildCommands({ logFile: deployLogFile, lockFd, isContinued: true });
  await performAll(cleanSteps(world), watch, results, (step) => {
    if (step.path !== null) rmSync(step.path, { recursive: true, force: true });
    return Promise.resolve(null);
  });
  const beganMs = performance.now();
  if (target !== 'rollback')
    watch.onStart({ kind: 'fetch', because: `${redact(target.from)} ${target.ref}` });
  const wanted = await wantedRelease(target, world, source, run);
  const steps = decide(target, world, wanted, options);
  const fetching = steps.find(({ kind }) => kind === 'fetch');
  if (fetching !== undefined) {
    const durationMs = performance.now() - beganMs;
    const fetched = { step: fetching, outcome: 'done', error: null, durationMs } as const;
    results.push(fetched);
    watch.onEnd(fetched);
  }
  if (steps.length === 0) return { steps, results, refusals: [], reason: reasonOf(wanted, steps) };
  const built: Deployment = {
    configuration,
    wanted,
    before: fallbackOf(world, wanted.name) ?? world.current,
    source,
    run,
    runOn,
    isForced: options.isForced,
    // Nothing is judged by it while it is built.
    health: { offBefore: new Set(), wasWorkerUp: world.worker.isUp },
  };
  const isBuilding = ({ kind }: DeployStep): boolean => buildKinds.includes(kind);
  await performAll(steps.filter(isBuilding), watch, results, (step) => carryOut(step, built));
  // Only now: building takes minutes, in which an operator may have stopped the worker, or something else may have broken.
  const deployment = { ...built, health: await healthNow(run, configuration, world.current) };
  const using = steps.filter((step) => !isBuilding(step) && step !== fetching);
  await performAll(using, watch, results, (step) => carryOut(step, deployment));
  if (!results.some(isFailed)) {
    if (target === 'rollback')
      changeRecord((record) => withdrawEntry(record, world.current, new Date().toISOString()));
    return { steps, results, refusals: [], reason: reasonAfter(wanted, results) };
  }
  if (!mustGoBack(results)) {
    const reason =
      currentRelease() === wanted.name
        ? `${wanted.name} is in use, but what else there was to do failed`
        : `nothing was put in use: ${world.current} still is`;
    return { steps, results, refusals: [], reason };
  }
  const reason = await goBack(deployment, world, watch, results);
  return { steps, results, refusals: [], reason };
}

/** From here on it comes to its end, whoever wants it to stop. @returns what is in use now, for people */
async function goBack(
  { wanted, ...deployment }: Deployment,
  world: DeployWorld,
  watch: DeployWatch,
  results: StepResult<DeployStep>[],
): Promise<string> {
  const name = fallbackOf(world, wanted.name);
  changeRecord((record) => endEntry(record, wanted.name, 'withdrawn'));
  if (name === null) return `${wanted.name} is not healthy, and no release before it is known`;
  const back = { name, from: 'rollback', title: `release ${name}` };
  const steps = decideReturn(
    await observeDeploy(deployment.configuration),
    back,
    deployment.health.wasWorkerUp,
  );
  const returned: StepResult<DeployStep>[] = [];
  const unstoppable = { ...watch, signal: new AbortController().signal };
  await performAll(steps, unstoppable, returned, (step) =>
    carryOut(step, { ...deployment, wanted: back, before: name, isForced: true }),
  );
  results.push(...returned);
  return returned.some(isFailed)
    ? `${wanted.name} is not healthy, and ${name} could not be put back as it was`
    : `${wanted.name} is not healthy; ${name} is in use again`;
}

const isFailed = ({ outcome }: StepResult<DeployStep>): boolean => outcome === 'failed';

/** One after another; after one that failed the others are left, and before the switch also when it is to stop. */
async function performAll(
  steps: readonly DeployStep[],
  watch: DeployWatch,
  results: StepResult<DeployStep>[],
  perform: (step: DeployStep) => Promise<string | null>,
): Promise<void> {
  for (const step of steps) {
    const beganMs = performance.now();
    const end = (outcome: StepResult<DeployStep>['outcome'], error: string | null): void => {
      const result = { step, outcome, error, durationMs: performance.now() - beganMs };
      results.push(result);
      watch.onEnd(result);
    };
    if (results.some(isFailed)) {
      end('skipped', afterFailure);
      continue;
    }
    const isSwitched = results.some((result) => result.step.kind === 'switch');
    if (watch.signal.aborted && !isSwitched) {
      end('failed', 'interrupted');
      continue;
    }
    watch.onStart(step);
    try {
      const left = await perform(step);
      end(left === null ? 'done' : 'skipped', left);
    } catch (error) {
      end('failed', told(error));
    }
  }
}

function told(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const fix = error instanceof OperatorError ? error.fix : undefined;
  return fix === undefined ? error.message : `${error.message}\nto mend it: ${fix}`;
}

function decide(
  target: DeployTarget,
  world: DeployWorld,
  wanted: WantedRelease,
  options: DeployOptions,
): readonly DeployStep[] {
  const policy = { ...options, keep: keptReleases };
  if (target === 'rollback') return decideRollback(world, wanted, policy);
  const steps = decideDeploy(world, wanted, policy);
  return steps.length === 0 ? [] : [fetchStep(wanted), ...steps];
}

async function wantedRelease(
  target: DeployTarget,
  { current, record, releases: present }: DeployWorld,
  folder: string,
  run: RunBuildCommand,
): Promise<WantedRelease> {
  if (target !== 'rollback') return await fetchSource(target, folder, run);
  const names = present.map(({ name }) => name);
  const name = releaseBefore(record, current, names);
  if (name === null)
    throw new RefusedError(
      `there is no release to go back to from ${current}: ${names.length === 1 ? 'it is the only one' : 'none of the others was in use before it, healthy'}.`,
      `ls ${releases}`,
    );
  return { name, from: 'rollback', title: `${versionOfRelease(name)}, release ${name}` };
}

/** Where the release in use does not answer there is no yardstick: the new one is only held to what it answers itself. */
async function healthNow(
  run: RunBuildCommand,
  configuration: Configuration,
  current: string,
): Promise<Health> {
  const { worker } = await observeDeploy(configuration);
  try {
    const off = await whatIsOff(run, current);
    return { offBefore: new Set(off.map(({ code }) => code)), wasWorkerUp: worker.isUp };
  } catch {
    return { offBefore: new Set(spoilable), wasWorkerUp: worker.isUp };
  }
}

function reasonOf({ title }: WantedRelease, steps: readonly DeployStep[]): string {
  return steps.length === 0 ? `${title} is in use, and nothing is left over` : title;
}

function reasonAfter({ title }: WantedRelease, results: readonly StepResult<DeployStep>[]): string {
  const left = results.find(({ outcome }) => outcome === 'skipped');
  return left === undefined
    ? `${title} is in use`
    : `${title} is in use; the worker goes on as it is: ${left.error ?? ''}`;
}
