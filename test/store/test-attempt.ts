import type { Lease } from '../../src/core/jobs/lease.ts';
import type { AttemptEnd } from '../../src/store/job-store.ts';

/** A lease of which only the token matters. */
export function testLease(token: string): Lease {
  return {
    token,
    worker: 'w1',
    host: 'h1',
    machineId: 'm1',
    bootId: 'b1',
    renewedBootMs: 1000,
    lengthMs: 60_000,
    expiresAtServerMs: null,
  };
}

/** An attempt that its storage has ended. */
export const infraError: AttemptEnd = {
  event: { kind: 'infra_error', because: 'gone' },
  outcome: 'infra_error',
  because: 'gone',
  exit: null,
  pages: 1,
  errorPages: 0,
  bytes: 1,
  progress: null,
};
