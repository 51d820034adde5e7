import type { StorageState } from '../storage/path-state.ts';
import { automationConditions } from './automation-conditions.ts';
import { mountConditions, placeConditions } from './place-conditions.ts';
import { stateConditions } from './state-conditions.ts';
import { workerConditions } from './worker-conditions.ts';

/** Everything that a person can be told of storage, jobs, worker and automations, by its code. Refusals have these codes, and no other. */
export const conditions = {
  ...stateConditions,
  ...placeConditions,
  ...mountConditions,
  ...automationConditions,
  ...workerConditions,
};

export type ConditionCode = keyof typeof conditions;

/** The condition that a state of storage is. */
export function storageCondition(state: Exclude<StorageState, 'healthy'>): ConditionCode {
  return `storage_${state}`;
}

/** Where a person meets a condition. */
export type ConditionSource =
  'status' | 'tiering' | 'recovery' | 'auto-start' | 'worker' | 'metrics' | 'install' | 'deploy' | 'import';

export interface Condition {
  /** `critical`: crawls stand still, or data is at risk. `warning`: a person should look. `notice`: it ends by itself, or is meant so. */
  readonly severity: 'critical' | 'warning' | 'notice';
  readonly sources: readonly ConditionSource[];
  /** A phrase, without capital and full stop. */
  readonly meaning: string;
  /** What a person does: a phrase too. */
  readonly next: string;
  /** The series that shows it, and the alert that it raises. */
  readonly metric?: string;
  readonly alert?: AlertName;
}

export type AlertName =
  | 'HealthArchiveWorkerDownWhileJobsPending'
  | 'HealthArchiveHotPathUnrecovered'
  | 'HealthArchiveAutomationSilent';
