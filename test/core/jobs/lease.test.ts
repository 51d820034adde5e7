import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isExpired, isOnThisHost, type Lease, type LeaseObserver } from '../../../src/core/jobs/lease.ts';

const lease: Lease = {
  token: 't',
  worker: 'w',
  host: 'crawl1',
  machineId: 'm1',
  bootId: 'b1',
  renewedBootMs: 1_000_000,
  lengthMs: 60_000,
  expiresAtServerMs: 5_060_000,
};
/** The lease's own host, as it was renewed. */
const here: LeaseObserver = {
  host: 'crawl1',
  machineId: 'm1',
  bootId: 'b1',
  bootMs: 1_000_000,
  serverNowMs: 5_000_000,
};
const elsewhere: LeaseObserver = { ...here, host: 'crawl2', machineId: 'm2', bootId: 'b2', bootMs: 7 };

const cases: readonly (readonly [string, Lease, LeaseObserver, boolean])[] = [
  ['just renewed', lease, here, false],
  ['the boot clock reaches the length', lease, { ...here, bootMs: 1_060_000 }, false],
  ['the boot clock is past the length', lease, { ...here, bootMs: 1_060_001 }, true],
  [
    'on its own host the server clock has no say',
    lease,
    { ...here, bootMs: 1_000_001, serverNowMs: 9_999_999_999 },
    false,
  ],
  ['the host has booted since, however short ago', lease, { ...here, bootId: 'b2', bootMs: 10 }, true],
  ['another host, in time by the server clock', lease, { ...elsewhere, serverNowMs: 5_060_000 }, false],
  ['another host, late by the server clock', lease, { ...elsewhere, serverNowMs: 5_060_001 }, true],
  ['another host, no server clock', lease, { ...elsewhere, serverNowMs: null }, false],
  [
    'another host, a lease that was given without a server clock',
    { ...lease, expiresAtServerMs: null },
    { ...elsewhere, serverNowMs: 9_999_999_999 },
    false,
  ],
  [
    'a host of the same name that is another machine: its boot says nothing about the lease',
    lease,
    { ...here, machineId: 'm2', bootId: 'b2', bootMs: 99_999_999 },
    false,
  ],
  ['a renamed host is another host', lease, { ...here, host: 'crawl9', bootMs: 99_999_999 }, false],
  ['another host with the same boot clock reading', lease, { ...elsewhere, bootMs: 99_999_999 }, false],
];

for (const [name, given, observer, expected] of cases) {
  test(`${expected ? 'expired' : 'alive'}: ${name}`, () => {
    assert.equal(isExpired(given, observer), expected);
  });
}

test('this host: same name and same machine', () => {
  assert.equal(isOnThisHost(lease, here), true);
  assert.equal(isOnThisHost(lease, { host: 'crawl1', machineId: 'm2' }), false);
  assert.equal(isOnThisHost(lease, { host: 'crawl2', machineId: 'm1' }), false);
});
