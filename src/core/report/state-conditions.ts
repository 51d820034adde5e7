import type { Condition } from './condition.ts';

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
    next: 'look after the server and the network to it',
    metric: hotPathState,
  },
  storage_hung: {
    severity: 'warning',
    sources: ['status', 'tiering', 'recovery', 'auto-start', 'metrics'],
    meaning: 'no answer: whoever touches it is stuck, and can not even be killed, until it answers',
    next: 'look after the server and the network to it; or set `abort_hung_after_seconds`',
    metric: hotPathState,
  },
  storage_wrong_source: {
    severity: 'critical',
    sources: ['status', 'tiering', 'recovery', 'auto-start', 'metrics'],
    meaning: 'what is mounted there is not what belongs there: what is written ends up in the wrong place',
    next: '`storage tier --apply --repair-unexpected-mounts`, once you know what it is',
    metric: hotPathState,
  },
  storage_unwritable: {
    severity: 'warning',
    sources: ['status', 'tiering', 'recovery', 'auto-start', 'metrics'],
    meaning: 'full or read-only: it can be read, but not written; mounting it again does not help',
    next: 'make room, or make it writable',
    metric: hotPathState,
  },
  storage_denied: {
    severity: 'warning',
    sources: ['status', 'tiering', 'recovery', 'auto-start', 'metrics'],
    meaning: 'access is refused: no crawl can use it',
    next: 'look at owners, and at `allow_other` of the mount',
    metric: hotPathState,
  },
  storage_unknown: {
    severity: 'warning',
    sources: ['status', 'tiering', 'recovery', 'auto-start', 'metrics'],
    meaning: 'it could not be judged, so nothing is started on it',
    next: 'look at the reason; `storage status` once more',
    metric: hotPathState,
  },
} as const satisfies Readonly<Record<string, Condition>>;
