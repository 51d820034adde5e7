import type { Condition } from './conditions.ts';

const hotPathState = 'healtharchive_hot_path_state';

/** What the states of storage mean. */
export const stateConditions = {
  storage_dead: {
    severity: 'critical',
    sources: ['status', 'tiering', 'recovery', 'auto-start', 'metrics'],
    meaning: 'the program behind the mount is gone: every access fails until it is mounted again',
    next: 'recovery mounts it again; look why it has not',
    metric: hotPathState,
    alert: 'HealthArchiveHotPathUnrecovered',
  },
  storage_missing: {
    severity: 'critical',
    sources: ['status', 'tiering', 'recovery', 'auto-start', 'metrics'],
    meaning: 'not mounted: what can be read there is the local directory below, not the archive',
    next: 'recovery mounts it again; look why it has not',
    metric: hotPathState,
    alert: 'HealthArchiveHotPathUnrecovered',
  },
  storage_degraded: {
    severity: 'warning',
    sources: ['status', 'tiering', 'recovery', 'auto-start', 'metrics'],
    meaning: 'its server can not be reached: it heals by itself when the server is back',
    next: 'look after the server and the network to it; unmount and restart nothing for this',
    metric: hotPathState,
  },
  storage_hung: {
    severity: 'warning',
    sources: ['status', 'tiering', 'recovery', 'auto-start', 'metrics'],
    meaning: 'no answer: whoever touches it is stuck, and can not even be killed, until it answers',
    next: 'look after the server and the network to it; until it answers, run no ls, df or umount there',
    metric: hotPathState,
  },
  storage_wrong_source: {
    severity: 'critical',
    sources: ['status', 'tiering', 'recovery', 'auto-start', 'metrics'],
    meaning: 'what is mounted there is not what belongs there: what is written ends up in the wrong place',
    next: 'find out who mounted what lies there; only a person can tell whether it may go',
    metric: hotPathState,
  },
  storage_unwritable: {
    severity: 'warning',
    sources: ['status', 'tiering', 'recovery', 'auto-start', 'metrics'],
    meaning: 'full or read-only: it can be read, but not written; mounting it again does not help',
    next: 'make room on the storage, or find out why it became read-only; parked jobs then go on',
    metric: hotPathState,
  },
  storage_denied: {
    severity: 'warning',
    sources: ['status', 'tiering', 'recovery', 'auto-start', 'metrics'],
    meaning: 'access is refused: no crawl can use it',
    next: 'look at owner and mode of the directory on the storage, and for allow_other in the mount options',
    metric: hotPathState,
  },
  storage_unknown: {
    severity: 'warning',
    sources: ['status', 'tiering', 'recovery', 'auto-start', 'metrics'],
    meaning: 'it could not be judged, so nothing is started on it',
    next: 'once more; if it stays, look at what is seen',
    metric: hotPathState,
  },
} as const satisfies Readonly<Record<string, Condition>>;
