/**
 * The states a hot path or the base can be in. The table of what each one is seen as stands in
 * docs/storage-states.md.
 */
export const storageStates = [
  'healthy',
  'dead',
  'degraded',
  'hung',
  'missing',
  'wrong_source',
  'unwritable',
  'denied',
  'unknown',
] as const;

export type StorageState = (typeof storageStates)[number];
