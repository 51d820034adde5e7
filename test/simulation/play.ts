/** One seed's world, from its first mishap until it has come to rest. */
import assert from 'node:assert/strict';
import { isAtOrBelow } from '../../src/core/storage/path-relation.ts';
import { foretellRounds } from '../../src/core/recovery/foretell.ts';
import { emptyMemory, lastedMs, lostMemory, type RecoveryMemory } from '../../src/core/recovery/memory.ts';
import { isChange, type RecoveryPlan, type RecoveryStep } from '../../src/core/recovery/recovery-plan.ts';
import type { RecoveryWorld } from '../../src/core/recovery/recovery-world.ts';
import { recoverInRounds, type RoundsOutcome } from '../../src/core/recovery/rounds.ts';
import { isPlace, seeWorld, type SeenWorld } from '../../src/core/recovery/seen-world.ts';
import { applyToModel, Killed, type Chances } from './apply-model.ts';
import { BASE, JOBS } from './host-model.ts';
import { AutoStartPlayer } from './auto-start-player.ts';
import { calm, mishap } from './mishaps.ts';
import { Random } from './random.ts';
import { policy, Scene } from './scene.ts';

const stormy: Chances = { mishap: 0.05, stepFails: 0.05, killed: 0.03 };
const still: Chances = { mishap: 0, stepFails: 0, killed: 0 };
const hour = 3_600_000;

/** @throws AssertionError when a rule is broken */
export async function play(seed: number): Promise<void> {
  const random = new Random(seed);
  const scene = Scene.random(random);
  const player = new Player(scene, random);
  scene.pass(1000, random);
  for (let phase = 1 + random.below(4); phase > 0; phase--) {
    for (let count = 1 + random.below(3); count > 0; count--) mishap(scene, random);
    await player.run(random.chance(0.5) ? stormy : still);
    scene.pass(random.chance(0.8) ? 30_000 : random.below(hour), random);
    if (random.chance(0.5)) player.autoStart.run();
  }
  calm(scene);
  await player.comeToRest();
}

class Player {
  readonly autoStart: AutoStartPlayer;
  readonly #scene: Scene;
  readonly #random: Random;
  #memory: RecoveryMemory;
  #runs = 0;
  /** By the wall clock: runs that changed something, and whether limits counted. */
  readonly #changes: number[] = [];

  constructor(scene: Scene, random: Random) {
    this.#scene = scene;
    this.#random = random;
    this.autoStart = new AutoStartPlayer(scene, random);
    this.#memory = random.chance(0.05) ? lostMemory('lost', scene.host.wallMs) : emptyMemory;
  }

  /** One run of recovery, perhaps killed. Null if it was. */
  async run(chances: Chances): Promise<RoundsOutcome | null> {
    const { host } = this.#scene;
    const run = `run-${++this.#runs}`;
    const startedBootMs = host.bootMs;
    const changed = { any: false };
    try {
      const outcome = await recoverInRounds(
        {
          run,
          now: () => host.wallMs,
          hasTime: () => host.bootMs - startedBootMs < 120_000,
          observe: (memory) => {
            if (this.#random.chance(chances.mishap)) mishap(this.#scene, this.#random);
            if (this.#random.chance(0.1)) this.autoStart.run(true);
            const world = this.#scene.observe(memory);
            // Not each time: there are many.
            if (this.#random.chance(0.4)) checkPlan(world, memory, run, host.wallMs);
            return Promise.resolve(world);
          },
          hasLateNews: () => Promise.resolve(this.#random.chance(0.1)),
          save: (memory) => {
            this.#memory = memory;
            return Promise.resolve();
          },
          apply: (steps, seen) => {
            if (process.env['HEALTHARCHIVE_SIMULATION_SEED'] !== undefined) describe(steps, seen);
            checkSteps(steps, this.#memory);
            const isLimited = steps.some(
              ({ kind }) => kind === 'unmount' || kind === 'abort' || kind === 'interrupt',
            );
            if (isLimited && !changed.any) this.#checkCaps();
            changed.any ||= steps.some(isChange);
            checkGates(steps, seen, this.#memory);
            return Promise.resolve(applyToModel(steps, this.#scene, this.#random, chances));
          },
        },
        policy,
        this.#memory,
      );
      // As it does at its end: rows whose worker and crawler are gone, then the worker.
      if (!this.#scene.worker.isDatabaseAway) this.#scene.worker.giveBackStale();
      this.autoStart.run();
      return outcome;
    } catch (error) {
      if (error instanceof Killed) return null;
      throw error;
    } finally {
      if (changed.any) this.#changes.push(host.wallMs);
      this.#changeMemory();
    }
  }

  #changeMemory(): void {
    if (this.#random.chance(0.01)) {
      this.#memory = lostMemory('lost', this.#scene.host.wallMs);
      this.#scene.isClockStepped = true;
    }
  }

  /** No start in a loop. A clock that was stepped makes hours of another length. */
  #checkCaps(): void {
    if (this.#scene.isClockStepped) return;
    const now = this.#scene.host.wallMs;
    const lastHour = this.#changes.filter((atMs) => now - atMs < hour).length;
    assert.ok(lastHour < policy.maxPerHour, `${lastHour} recoveries in the last hour, and one more`);
  }

  /** After the last mishap every place that can be mounted is, or a refusal says why not; at the latest when limits end. */
  async comeToRest(): Promise<void> {
    const { host } = this.#scene;
    let outcome: RoundsOutcome | null = null;
    for (let runs = 0; runs < 40; runs++) {
      outcome = await this.run(still);
      if (runs === 5) host.crawls = [];
      if (
        outcome !== null &&
        runs > 5 &&
        this.#notCrawled().length === 0 &&
        this.#unwell(outcome.last).length === 0 &&
        outcome.rounds.length === 0 &&
        (outcome.memory.incident?.healthySinceMs ?? null) === null
      )
        break;
      this.#scene.pass(runs < 8 ? 30_000 : hour, this.#random, 1);
    }
    assert.ok(outcome !== null);
    assert.deepEqual(this.#unwell(outcome.last), [], JSON.stringify(outcome.last, null, 1));
    assert.deepEqual(this.#notCrawled(), [], JSON.stringify(this.autoStart.run(), null, 1));
    const isAllWell =
      outcome.seen.targets.every(({ report }) => report.state === 'healthy') &&
      outcome.seen.base?.state === 'healthy';
    if (isAllWell) assert.deepEqual([outcome.memory.incident, outcome.memory.takenOff], [null, []]);
  }

  /** Jobs whose storage is well, and which are not crawled. */
  #notCrawled(): number[] {
    const { host, worker } = this.#scene;
    if (!this.#scene.isWell(BASE)) return [];
    const isCrawled = (job: number): boolean => host.crawls.some(({ jobId }) => jobId === job);
    return [...worker.rows.keys()].filter(
      (job) => !isCrawled(job) && this.#scene.isWell(this.#scene.pathOf(job)),
    );
  }

  /** Places that are neither well nor refused for a reason that lasts. */
  #unwell({ refusals }: RecoveryPlan): string[] {
    const passing = new Set([
      'backoff',
      'capped_hour',
      'capped_day',
      'capped_job',
      'failed_in_this_run',
      'unconfirmed',
      'crawl_running',
    ]);
    const lasting = new Set(refusals.filter(({ code }) => !passing.has(code)).map(({ path }) => path));
    const paths = [
      BASE,
      ...this.#scene.spots.filter(({ kind }) => kind !== 'unasked').map(({ name }) => `${JOBS}/${name}`),
    ];
    return paths.filter((path) => !this.#scene.isWell(path) && !lasting.has(path));
  }
}

/** Total, and at rest in its own forecast. */
function checkPlan(world: RecoveryWorld, memory: RecoveryMemory, run: string, nowMs: number): void {
  const past = { memory, run, failed: new Set<string>(), nowMs };
  const seen = seeWorld(world);
  const rounds = foretellRounds(world, policy, past);
  const plan = rounds[0];
  assert.ok(plan !== undefined);
  const steps = [...plan.steps, ...plan.held];
  const said = [
    ...[...steps, ...plan.refusals].flatMap(({ path }) => path ?? []),
    ...steps.flatMap((step) => (step.kind === 'abort' ? step.paths : [])),
  ];
  for (const { path, report, place } of seen.targets) {
    if (report.state === 'healthy') continue;
    const isSaid =
      said.includes(path) || (place.kind === 'below' && said.some((other) => isAtOrBelow(path, other)));
    assert.ok(isSaid, `${path} is ${report.state}, and nothing is said of it`);
  }
  if (seen.base?.state !== 'healthy') assert.ok(said.includes(BASE), 'nothing is said of the base');
  const last = rounds.at(-1);
  assert.deepEqual([...(last?.steps ?? []), ...(last?.held ?? [])], [], 'planning goes on for ever');
}

/** Whatever is unmounted is mounted again by the same plan, or, inside something else, owed. */
function checkSteps(steps: readonly RecoveryStep[], memory: RecoveryMemory): void {
  for (const [index, step] of steps.entries()) {
    if (step.kind !== 'unmount') continue;
    const isMountedAgain = steps
      .slice(index + 1)
      .some(
        ({ kind, path }) => (kind === 'bind' || kind === 'restart' || kind === 'wait') && path === step.path,
      );
    const isOwed = memory.takenOff.some(({ path }) => path === step.path);
    const isInsideOther = steps.some(
      ({ kind, path }) => kind !== 'unmount' && path !== step.path && isAtOrBelow(step.path, path),
    );
    assert.ok(isOwed && (isMountedAgain || isInsideOther), `${step.path} is unmounted for good`);
    for (const path of step.along)
      assert.ok(
        memory.takenOff.some((entry) => entry.path === path) || !isKnown(path, memory),
        `${path} goes along for good`,
      );
  }
}

function isKnown(path: string, { incident }: RecoveryMemory): boolean {
  return incident?.unproved.includes(path) === true;
}

function checkGates(
  steps: readonly RecoveryStep[],
  { world, targets }: SeenWorld,
  { deployLock }: RecoveryMemory,
): void {
  const isStale = (lastedMs(deployLock, world.clock) ?? 0) > policy.deployLockMaxAgeMs;
  const isHeld = (world.deployLock === 'held' && !isStale) || !world.hasSentinel;
  if (isHeld)
    assert.ok(
      steps.every(({ kind }) => kind === 'verify'),
      'changes something although it is held back',
    );
  for (const step of steps) {
    if (step.kind !== 'bind' && step.kind !== 'unmount') continue;
    const place = targets.find(({ path }) => path === step.path);
    assert.ok(place !== undefined && isPlace(place), `${step.path} is no place of ours`);
  }
}

/** What one seed plays, for whoever looks for a fault in it. */
function describe(steps: readonly RecoveryStep[], { world, targets, base, lifeOf }: SeenWorld): void {
  const mounts = world.mounts.map(
    ({ id, parentId, device, root, mountPoint }) =>
      `${id}<${parentId} ${device} (${lifeOf(device)}) ${root} on ${mountPoint}`,
  );
  const units = [...world.units].map(([name, unit]) => `${name}: ${unit?.active} ${unit?.fileState}`);
  const states = targets.map(({ path, report }) => `${path} ${report.state}`);
  const crawls = world.crawls.map(({ attempt, outputDir, device }) => `${attempt} ${outputDir} ${device}`);
  const planned = steps.map(({ kind, path }) => `${kind} ${path}`);
  console.log({ mounts, units, base: base?.state, states, crawls, planned });
}
