import type { Lease } from '../../src/core/jobs/lease.ts';

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
