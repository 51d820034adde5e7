/** Worlds in which storage breaks as it really does, and what recovery is asked about them. */
import assert from 'node:assert/strict';
import { decideRecovery } from '../../../src/core/recovery/decide-round.ts';
import { emptyMemory, type RecoveryMemory } from '../../../src/core/recovery/memory.ts';
import type { RecoveryPlan } from '../../../src/core/recovery/recovery-plan.ts';
import type { RecoveryWorld } from '../../../src/core/recovery/recovery-world.ts';
import { rememberSeen } from '../../../src/core/recovery/remember.ts';
import { seeWorld } from '../../../src/core/recovery/seen-world.ts';
import { BASE, BASE_UNIT, JOBS } from '../../simulation/host-model.ts';
import { policy, Scene, type Spot } from '../../simulation/scene.ts';

export interface Case {
  readonly what: string;
  readonly spots: readonly Spot[];
  readonly breaks: (scene: Scene) => void;
  /** Kinds and names of the steps of each round. */
  readonly rounds: readonly (readonly string[])[];
  /** Codes of what is left in the end. */
  readonly refusals?: readonly string[];
  readonly world?: Partial<RecoveryWorld>;
  readonly memory?: Partial<RecoveryMemory>;
}

export const bind = (name: string): Spot => ({ name, kind: 'bind' });
export const unit = (name: string): Spot => ({ name, kind: 'unit' });
export const unasked = (name: string): Spot => ({ name, kind: 'unasked' });

export const rebound = (name: string) => [`unmount ${name}`, `bind ${name}`, `verify ${name}`];
export const restarted = (name: string) => [`restart ${name}`, `verify ${name}`];

export function crawl(scene: Scene, name: string, more: { isDeviceKnown?: boolean } = {}): void {
  const outputDir = `${JOBS}/${name}`;
  const device = scene.host.table.covering(outputDir)?.device ?? '';
  const jobId = scene.spots.findIndex((spot) => spot.name === name) + 1;
  scene.host.crawls.push({ attempt: `${jobId}-001`, jobId, outputDir, device, isDeviceKnown: true, ...more });
}

/** Killed, and systemd has it back: the binds are still those of the dead one. */
export function mountedAnew({ host }: Scene): void {
  host.killSshfs(BASE_UNIT);
  host.pass(2000);
}

/** Killed, and it stays down. */
export function killedForGood({ host }: Scene, name = BASE_UNIT): void {
  host.killSshfs(name);
  const killed = host.units.get(name);
  assert.ok(killed);
  killed.state = 'failed';
}

export function worldOf({ spots, breaks, world }: Case): RecoveryWorld {
  const scene = new Scene(spots);
  breaks(scene);
  return { ...scene.observe(emptyMemory), ...world };
}

export function pastOf({ memory }: Case) {
  return {
    memory: { ...emptyMemory, ...memory },
    run: 'this',
    failed: new Set<string>(),
    nowMs: 1_700_000_000_000,
  };
}

export function name(path: string | null): string {
  return path === BASE ? 'BASE' : (path ?? '').replace(`${JOBS}/`, '');
}

export const named = ({ steps, held }: RecoveryPlan): string[] =>
  [...steps, ...held].map(({ kind, path }) => `${kind} ${name(path)}`);

/** A dead bind of a healthy base. */
export const broken: Case = { what: '', spots: [bind('a')], breaks: mountedAnew, rounds: [] };
export const now = 1_700_000_000_000;

export function decideNow(each: Case, memory: Partial<RecoveryMemory> = {}): RecoveryPlan {
  const past = pastOf({ ...each, memory });
  const seen = seeWorld(worldOf(each));
  return decideRecovery(seen, policy, { ...past, memory: rememberSeen(past.memory, seen, now) });
}

export const recovery = (secondsAgo: number, more: object = {}) => ({
  run: `before-${secondsAgo}`,
  atMs: now - secondsAgo * 1000,
  paths: [`${JOBS}/a`],
  jobs: [],
  outcome: 'done' as const,
  ...more,
});
