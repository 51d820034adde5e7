import { stateOfErrno } from './errno-class.ts';
import type { Lookup } from './lookup.ts';
import type { StorageVerdict } from './path-report.ts';

export interface LookupContext {
  readonly staleErrnos: readonly string[];
  /** Requests that the daemon of this mount has not answered (fusectl `waiting`); null where it can't be known. */
  readonly waitingRequests: number | null;
}

/** A name takes one to three round trips to the server; more than this is felt in everything that a crawl does. */
const slowMs = 1000;

/** What is odd about an answer that came in time, to follow a reason; empty if nothing is. */
export function describeSlowness(lookup: Lookup): string {
  if (lookup.kind !== 'answered' || lookup.tookMs === undefined || lookup.tookMs < slowMs) return '';
  return `; it answers slowly (${(lookup.tookMs / 1000).toFixed(1)} s for a name)`;
}

/** The state that a lookup alone decides; null when it was answered as it should be. */
export function judgeLookup(lookup: Lookup, context: LookupContext): StorageVerdict | null {
  switch (lookup.kind) {
    case 'answered':
      return null;
    case 'error':
      return judgeErrno(lookup.errno, context.staleErrnos);
    case 'timed_out':
      return {
        state: 'hung',
        errno: null,
        reason: 'no answer in time' + describeWaiting(context.waitingRequests),
      };
    case 'still_blocked':
      return {
        state: 'hung',
        errno: null,
        reason: `an earlier probe is still blocked (process ${lookup.pid})${describeWaiting(context.waitingRequests)}`,
      };
    case 'failed_at': {
      const verdict = judgeLookup(lookup.lookup, context);
      if (!verdict) return null;
      return { ...verdict, reason: `${verdict.reason}, seen at ${lookup.mountPoint}` };
    }
    case 'not_asked':
      return { state: 'unknown', errno: null, reason: lookup.detail };
  }
}

function judgeErrno(errno: string, staleErrnos: readonly string[]): StorageVerdict {
  const state = stateOfErrno(errno, staleErrnos);
  switch (state) {
    case 'dead':
      return { state, errno, reason: `mounted, but its file system is gone (${errno})` };
    case 'degraded':
      return { state, errno, reason: `the storage server can't be reached now (${errno})` };
    case 'denied':
      return { state, errno, reason: `access is denied (${errno}); a mount option can be the cause` };
    case 'unwritable':
      return { state, errno, reason: `the file system takes no data (${errno})` };
    default:
      return { state, errno, reason: `the lookup failed with ${errno}` };
  }
}

function describeWaiting(requests: number | null): string {
  if (requests === null || requests === 0) return '';
  return `; ${requests} request${requests === 1 ? '' : 's'} without an answer`;
}
