import type { UnitState } from '../units/unit-state.ts';

/** Written before the worker is stopped, so that whoever comes next brings it back. */
export interface Intent {
  readonly unit: string;
  readonly bootId: string;
  /** Of the run of the worker that was stopped. */
  readonly invocationId: string;
  readonly fileState: string;
  readonly stoppedAtMs: number;
}

/**
 * `due`: the worker is down, and by our hand. `void`: whoever has started, stopped, masked or disabled it since, or a new
 * boot, has decided otherwise. `unknown`: systemd does not answer; the intent stays.
 */
export function judgeIntent(
  intent: Intent,
  worker: UnitState | null,
  bootId: string,
): 'due' | 'void' | 'unknown' {
  if (intent.bootId !== bootId) return 'void';
  if (worker === null) return 'unknown';
  if (worker.unit !== intent.unit || worker.load !== 'loaded') return 'void';
  if (worker.invocationId !== intent.invocationId && worker.invocationId !== '') return 'void';
  if (worker.fileState !== intent.fileState) return 'void';
  return worker.active === 'inactive' || worker.active === 'failed' ? 'due' : 'unknown';
}
