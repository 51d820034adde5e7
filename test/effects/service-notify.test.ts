import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { serviceNotifier, type ServiceNotifier } from '../../src/effects/service-notify.ts';

/** With a stand-in for systemd-notify that writes down what it was told; the lab has the real one under a real systemd. */
describe('service notifications', () => {
  const folder = mkdtempSync(join(tmpdir(), 'healtharchive-notify-'));
  const record = join(folder, 'record');
  const path = process.env['PATH'];
  before(() => {
    const script = `#!/bin/sh\nprintf '%s|' "$NOTIFY_SOCKET" "$@" >> '${record}'\necho >> '${record}'\n`;
    writeFileSync(join(folder, 'systemd-notify'), script, { mode: 0o755 });
    process.env['PATH'] = `${folder}:${path ?? ''}`;
  });
  afterEach(() => {
    rmSync(record, { force: true });
  });
  after(() => {
    process.env['PATH'] = path;
    rmSync(folder, { recursive: true, force: true });
  });

  const told: readonly (readonly [string, (notifier: ServiceNotifier) => Promise<void>, string])[] = [
    [
      'ready',
      async (n) => {
        await n.ready('idle');
      },
      'READY=1|STATUS=idle',
    ],
    [
      'status',
      async (n) => {
        await n.status('crawling 1-001');
      },
      'STATUS=crawling 1-001',
    ],
    [
      'alive',
      async (n) => {
        await n.alive();
      },
      'WATCHDOG=1',
    ],
    [
      'still starting, in microseconds',
      async (n) => {
        await n.stillStarting('waiting', 60_000);
      },
      'EXTEND_TIMEOUT_USEC=60000000|STATUS=waiting',
    ],
    [
      'stopping',
      async (n) => {
        await n.stopping('ending');
      },
      'STOPPING=1|STATUS=ending',
    ],
    [
      'a status with line breaks stays one assignment',
      async (n) => {
        await n.status('a\nMAINPID=1\r\nb');
      },
      'STATUS=a MAINPID=1 b',
    ],
  ];
  for (const [name, tell, expected] of told) {
    test(name, async () => {
      await tell(serviceNotifier({ NOTIFY_SOCKET: '/run/notify' }));
      assert.equal(readFileSync(record, 'utf8'), `/run/notify|${expected}|\n`);
    });
  }

  test('a run that ends is ready, and then stops, in a message each', async () => {
    await serviceNotifier({ NOTIFY_SOCKET: '/run/notify' }).ending();
    assert.equal(readFileSync(record, 'utf8'), '/run/notify|READY=1|\n/run/notify|STOPPING=1|\n');
  });

  test('outside of a service nobody is told anything, and there is no watchdog', async () => {
    const notifier = serviceNotifier({});
    await notifier.ready('idle');
    await notifier.alive();
    await notifier.ending();
    assert.equal(notifier.isService, false);
    assert.throws(() => readFileSync(record), /ENOENT/);
    assert.equal(notifier.watchdogMs, null);
  });

  test('the watchdog’s period comes from the service manager, in microseconds', () => {
    assert.equal(serviceNotifier({ NOTIFY_SOCKET: '/s', WATCHDOG_USEC: '30000000' }).watchdogMs, 30_000);
    assert.equal(serviceNotifier({ NOTIFY_SOCKET: '/s', WATCHDOG_USEC: '0' }).watchdogMs, null);
  });

  test('no child inherits the socket: a container engine would name its container as the main process', () => {
    const environment = { NOTIFY_SOCKET: '/s', WATCHDOG_USEC: '1', WATCHDOG_PID: '1', PATH: '/bin' };
    serviceNotifier(environment);
    assert.deepEqual(environment, { PATH: '/bin' });
  });

  test('without systemd-notify it does nothing', async () => {
    process.env['PATH'] = '/nowhere';
    await assert.doesNotReject(serviceNotifier({ NOTIFY_SOCKET: '/s' }).ready('idle'));
    process.env['PATH'] = `${folder}:${path ?? ''}`;
  });
});
