import assert from 'node:assert/strict';
import { test } from 'node:test';
import { whyRefused } from '../../../src/core/units/mount-log.ts';

const changed = [
  'Starting the base mount...',
  '@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @',
  'Host key for [box]:23 has changed and you have requested strict checking.',
  'Host key verification failed.',
  'read: Connection reset by peer',
  'box.service: Main process exited, code=exited, status=1/FAILURE',
];

const cases: readonly (readonly [what: string, lines: readonly string[], expected: string | null])[] = [
  ['nothing', [], null],
  ['a changed host key', changed, 'host_key_changed'],
  [
    'a host key that nobody knows',
    [
      'No ED25519 host key is known for [box]:23 and you have requested strict checking.',
      'Host key verification failed.',
    ],
    'host_key_unknown',
  ],
  ['a key that the server does not take', ['u1@box: Permission denied (publickey).'], 'login_refused'],
  [
    'a name that is not known',
    ['ssh: Could not resolve hostname box: Name or service not known'],
    'name_unknown',
  ],
  [
    'another file system at the mount point',
    ['/srv/box is mounted already, as tmpfs: unmount that first'],
    'mount_point',
  ],
  [
    'a server that is away',
    ['ssh: connect to host box port 23: Connection refused', 'read: Connection reset by peer'],
    null,
  ],
  [
    'a server that was another one, and is away now',
    [...changed, 'ssh: connect to host box port 23: No route to host'],
    null,
  ],
  [
    'a server that was away, and is another one now',
    ['ssh: connect to host box port 23: No route to host', ...changed],
    'host_key_changed',
  ],
  ['a unit that has started since', [...changed, 'Started box.service - the base mount.'], null],
];

for (const [what, lines, expected] of cases)
  test(`what a mount unit's log says: ${what}`, () => {
    assert.equal(whyRefused(lines)?.obstacle ?? null, expected);
  });
