/** Auto-start in a model of a host: the production `decide`, and the rules that its starts must never break. */
import assert from 'node:assert/strict';
import {
  cutAutoStartMemory,
  emptyAutoStartMemory,
  lostAutoStartMemory,
  rememberLook,
  rememberStart,
  type AutoStartMemory,
} from '../../src/core/autostart/auto-start-memory.ts';
import { decideAutoStart, type AutoStartPlan } from '../../src/core/autostart/decide-auto-start.ts';
import type { AutoStartPolicy } from '../../src/core/autostart/auto-start-world.ts';
import { BASE } from './host-model.ts';
import type { Random } from './random.ts';
import type { Scene } from './scene.ts';

const policy: AutoStartPolicy = { cooldownMs: 600_000, maxPerHour: 3, deployLockMaxAgeMs: 7_200_000 };
const hour = 3_600_000;

export class AutoStartPlayer {
  readonly #scene: Scene;
  readonly #random: Random;
  #memory: AutoStartMemory = emptyAutoStartMemory;
  /** By the wall clock. */
  readonly #starts: number[] = [];
  /** Since when each look has found the deploy lock held, by the boot clock. */
  #heldSinceMs: number | null = null;

  constructor(scene: Scene, random: Random) {
    this.#scene = scene;
    this.#random = random;
  }

  run(isRecoveryAtWork = false): AutoStartPlan {
    const { host, worker, deployLock } = this.#scene;
    if (this.#random.chance(0.01)) this.#memory = lostAutoStartMemory(host.wallMs);
    this.#heldSinceMs = deployLock === 'held' ? (this.#heldSinceMs ?? host.bootMs) : null;
    const world = this.#scene.observeWorker(isRecoveryAtWork);
    const memory = cutAutoStartMemory(this.#memory, host.wallMs);
    const plan = decideAutoStart(world, memory, policy, host.wallMs);
    const isDown = worker.state === 'down' || worker.state === 'failed';
    if (isDown && (worker.isDatabaseAway || worker.pending.length > 0))
      assert.ok(
        plan.steps.length + plan.refusals.length > 0,
        'the worker is down, jobs wait, and nothing is said of it',
      );
    const looked = rememberLook(memory, world);
    this.#memory = plan.steps.length === 0 ? looked : rememberStart(looked, host.wallMs);
    for (const { unit } of plan.steps) {
      assert.equal(unit, world.unit);
      this.#checkStart(isRecoveryAtWork);
      this.#starts.push(host.wallMs);
      worker.start();
    }
    return plan;
  }

  #checkStart(isRecoveryAtWork: boolean): void {
    const scene = this.#scene;
    const { host, worker } = scene;
    assert.ok(worker.state === 'down' || worker.state === 'failed', `it is ${worker.state}`);
    assert.ok(!worker.isDisabled, 'an operator wants it down');
    assert.ok(scene.hasAutoStartSentinel, 'it is switched off');
    assert.ok(!isRecoveryAtWork, 'recovery is at work');
    const heldMs = this.#heldSinceMs === null ? 0 : host.bootMs - this.#heldSinceMs;
    assert.ok(scene.deployLock !== 'held' || heldMs > policy.deployLockMaxAgeMs, 'a deploy is under way');
    assert.ok(!worker.isDatabaseAway, 'nobody knows what runs');
    assert.deepEqual(worker.runningRows, [], 'in the middle of something');
    assert.ok(scene.isWell(BASE), 'the base is not well');
    assert.ok(
      worker.pending.some((job) => scene.isWell(scene.pathOf(job))),
      'nothing can be crawled',
    );
    if (scene.isClockStepped) return;
    const now = host.wallMs;
    assert.ok(this.#starts.filter((atMs) => now - atMs < hour).length < policy.maxPerHour, 'too often');
    assert.ok(now - (this.#starts.at(-1) ?? -Infinity) >= policy.cooldownMs, 'again so soon');
  }
}
