import type { StorageState } from './path-state.ts';

/** What a state means for the crawls on it, and what a person does about it. */
export interface StateAdvice {
  readonly meaning: string;
  /** A command, or a sentence; null: nothing is to be done. */
  readonly next: string | null;
}

/** What is wrong comes first on a page: the order in which states are shown. */
export const urgency: readonly StorageState[] = [
  'wrong_source',
  'dead',
  'missing',
  'unwritable',
  'hung',
  'degraded',
  'denied',
  'unknown',
  'healthy',
];

export const stateAdvice: Record<StorageState, StateAdvice> = {
  healthy: { meaning: 'answers, and is what it should be', next: null },
  dead: {
    meaning: 'mounted, but the program behind the mount is gone; every access fails until it is mounted anew',
    next: 'healtharchive storage tier --repair-stale-mounts',
  },
  degraded: {
    meaning: 'the storage box does not answer now; it heals by itself when the box is back',
    next: 'look at the network and the storage box; unmount nothing',
  },
  hung: {
    meaning: 'no answer in time; programs that touch it can’t be ended until it answers',
    next: 'look at the network and the storage box; start nothing that touches the path',
  },
  missing: {
    meaning: 'the mount is not there; what is readable is the local directory under it',
    next: 'healtharchive storage tier',
  },
  wrong_source: {
    meaning: 'something else is mounted there than what belongs there',
    next: 'healtharchive storage tier --repair-unexpected-mounts',
  },
  unwritable: {
    meaning: 'full or read-only; mounting it anew does not help',
    next: 'make room on the storage box, or find out why it is read-only',
  },
  denied: {
    meaning: 'the permission is missing; often the mount lacks allow_other',
    next: 'look at owner, mode and the options of the mount',
  },
  unknown: {
    meaning: 'it could not be judged',
    next: 'healtharchive storage status --json, and the errno in it',
  },
};
