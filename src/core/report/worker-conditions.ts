import type { Condition } from './conditions.ts';

/** What keeps the worker from starting or ending crawls: its journal says so once when it begins and once when it is over. */
export const workerConditions = {
  database_away: {
    severity: 'warning',
    sources: ['worker'],
    meaning: 'the database does not answer; nothing is started',
    next: 'look after the database',
    metric: 'healtharchive_database_up',
  },
  database_takes_nothing: {
    severity: 'warning',
    sources: ['worker'],
    meaning: 'the database takes nothing; running crawls go on',
    next: 'see who holds the database’s lock, or whether its disk is full',
  },
  nothing_started: {
    severity: 'critical',
    sources: ['worker'],
    meaning: 'nothing is started',
    next: 'put right what `because` names',
  },
  mounts_in_work: {
    severity: 'notice',
    sources: ['worker'],
    meaning: 'the mounts are being worked on; nothing is started meanwhile',
    next: 'nothing: it is over when tiering or recovery has ended',
  },
  disk_full: {
    severity: 'warning',
    sources: ['worker'],
    meaning: 'too little free space on the local disk; nothing is started',
    next: 'make room, or set `min_free_percent`',
  },
  crawler_left: {
    severity: 'warning',
    sources: ['worker'],
    meaning: 'a crawler outlived its worker; its job goes on when it is gone',
    next: 'nothing, unless it stays: `jobs recover-stale` says which process it is',
  },
  container_left: {
    severity: 'warning',
    sources: ['worker'],
    meaning: 'the container of a crawl without worker can’t be removed; its job waits',
    next: 'look after the container engine, as the worker’s user',
  },
  storage_unseen: {
    severity: 'warning',
    sources: ['worker'],
    meaning: 'the storage of an ended crawl can’t be looked at',
    next: 'look at what `because` names; the crawl counts as ended by what its exit says',
  },
} as const satisfies Readonly<Record<string, Condition>>;

export type WorkerCondition = keyof typeof workerConditions;
