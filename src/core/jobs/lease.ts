/**
 * A worker's claim on a running job, renewed while it works. `token` is the fencing token: every later write of the
 * attempt carries it, so that a worker that was frozen and came back can't overwrite its successor.
 */
export interface Lease {
  readonly worker: string;
  readonly host: string;
  /** /etc/machine-id: two hosts may share a name. */
  readonly machineId: string;
  readonly bootId: string;
  /** Boot clock (CLOCK_BOOTTIME) of the worker's host at the last renewal, in milliseconds. */
  readonly renewedBootMs: number;
  readonly lengthMs: number;
  /** The database server's clock at which it expires (milliseconds since the epoch); null where there is no server. */
  readonly expiresAtServerMs: number | null;
  readonly token: string;
}

/** Where and when the question is asked. */
export interface LeaseObserver {
  readonly machineId: string;
  readonly host: string;
  readonly bootId: string;
  readonly bootMs: number;
  /** The database server's clock, or null (SQLite). */
  readonly serverNowMs: number | null;
}

export function isOnThisHost(
  lease: Pick<Lease, 'host' | 'machineId'>,
  here: Pick<LeaseObserver, 'host' | 'machineId'>,
): boolean {
  return lease.host === here.host && lease.machineId === here.machineId;
}

/**
 * Whether a lease has run out. The wall clock has no say: on its own host the boot clock decides (and another boot id
 * means that the worker died with that boot), elsewhere the clock of the database server. Where neither can be had
 * the lease counts as alive.
 */
export function isExpired(lease: Lease, observer: LeaseObserver): boolean {
  if (isOnThisHost(lease, observer)) {
    return lease.bootId !== observer.bootId || observer.bootMs - lease.renewedBootMs > lease.lengthMs;
  }
  if (observer.serverNowMs === null || lease.expiresAtServerMs === null) return false;
  return lease.expiresAtServerMs < observer.serverNowMs;
}
