import type { StorageState } from '../storage/path-state.ts';
import { automationConditions } from './automation-conditions.ts';
import { mountConditions } from './mount-conditions.ts';
import { placeConditions } from './place-conditions.ts';
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
