/** Every fault by the name that a person types in `script/lab`. */
import { abortFuse } from '../fuse.ts';
import { BASE, BASE_UNIT, type StorageBox } from '../storage-box.ts';
import * as space from './box-space.ts';
import { giveOwnClock, type UnitClock } from './clock.ts';
import * as control from './control-plane.ts';
import { lockSqlite } from './database.ts';
import * as mounts from './mounts.ts';
import * as server from './server.ts';
import { makeWaySlow, type SlowWay } from './slow-way.ts';
import * as sshfs from './sshfs.ts';
import { killBeforeStep } from './steps.ts';

export interface NamedFault {
  readonly name: string;
  /** What may follow the name, as a person reads it. */
  readonly parameters: string;
  readonly summary: string;
  inject(box: StorageBox, args: readonly string[]): Promise<void>;
}

/** What a person's faults act on when they name nothing else. */
const HOT = '/srv/healtharchive/jobs/hc-2026';
const WORKER = 'healtharchive-worker.service';
const RECOVERY = 'healtharchive-storage-hotpath-auto-recover.service';
const DATABASE = '/srv/healtharchive/db/healtharchive.db';
const STATE = '/srv/healtharchive/ops/watchdog/storage-hotpath-auto-recover.json';

export function namedFaults(): NamedFault[] {
  const held = new Map<string, control.HeldLock>();
  const clocks = new Map<string, UnitClock>();
  let slow: SlowWay | undefined;
  const release = async (path: string): Promise<void> => {
    await held.get(path)?.release();
    held.delete(path);
  };
  const on = (
    name: string,
    parameters: string,
    summary: string,
    inject: (box: StorageBox, first: string | undefined, second: string | undefined) => Promise<unknown>,
  ): NamedFault => ({
    name,
    parameters,
    summary,
    inject: async (box, [first, second]) => {
      await inject(box, first, second);
    },
  });
  return [
    on('kill-sshfs', '[MOUNT]', 'kill sshfs; the unit of the base starts it again', ({ host }, path = BASE) =>
      sshfs.killSshfs(host, path),
    ),
    on(
      'kill-sshfs-for-good',
      '',
      'kill the sshfs of the base and keep its unit from restarting',
      ({ host }) => sshfs.killSshfs(host, BASE, { keepDown: BASE_UNIT }),
    ),
    on('allow-sshfs-restart', '', 'let the unit of the base restart again', ({ host }) =>
      sshfs.allowRestart(host, BASE_UNIT),
    ),
    on('freeze-sshfs', '[MOUNT]', 'stop sshfs where it is: callers hang', ({ host }, path = BASE) =>
      sshfs.freezeSshfs(host, path),
    ),
    on('thaw-sshfs', '[MOUNT]', 'let it go on', ({ host }, path = BASE) => sshfs.thawSshfs(host, path)),
    on(
      'abort-mount',
      '[MOUNT]',
      'free everybody who hangs on a mount; it is dead afterwards',
      async ({ host }, path = BASE) => {
        const entry = host.mountsOn(path).at(-1);
        if (entry === undefined) throw new Error(`nothing is mounted on ${path}`);
        await abortFuse(host, entry);
      },
    ),
    on('freeze-server', '', 'freeze sshd and its sessions: callers hang', server.freezeSshd),
    on('thaw-server', '', 'let sshd go on', server.thawSshd),
    on('drop-server', '', 'end sshd and its sessions: connections refused', server.dropServer),
    on('restore-server', '', 'start sshd again', server.restoreServer),
    on('cut-cable', '', 'drop every packet to the server', server.cutCable),
    on('mend-cable', '', 'let packets through again', server.mendCable),
    on(
      'slow-way',
      '[MILLISECONDS]',
      'give every new connection to the server a long round trip, by default 600 ms',
      async (box, ms = '600') => {
        if (!/^[1-9]\d*$/.test(ms)) throw new Error('slow-way needs milliseconds');
        await slow?.end();
        slow = await makeWaySlow(box, Number(ms));
      },
    ),
    on('short-way', '', 'let new connections go the short way again', async () => {
      await slow?.end();
      slow = undefined;
    }),
    on('fill-box', '', 'fill the storage box to the last byte', space.fillBox),
    on('free-box', '', 'give that space back', space.freeBox),
    on('box-read-only', '', "make the box's own file system read-only", space.makeBoxReadOnly),
    on('box-writable', '', 'make it writable again', space.makeBoxWritable),
    on(
      'deny-folder',
      '[FOLDER]',
      'take the rights to a folder of the box away',
      (box, folder = 'jobs/hc-2026') => space.denyFolder(box, folder),
    ),
    on('allow-folder', '[FOLDER]', 'give them back', (box, folder = 'jobs/hc-2026') =>
      space.allowFolder(box, folder),
    ),
    on('unmount', '[MOUNT]', 'unmount a hot path behind the back of the system', ({ host }, path = HOT) =>
      mounts.unmountBehindTheBack(host, path),
    ),
    on('stack-mount', '[MOUNT]', 'cover a hot path with an empty tmpfs', ({ host }, path = HOT) =>
      mounts.stackTmpfs(host, path),
    ),
    on('wrong-place', '[MOUNT]', 'bind another folder of the box in its place', ({ host }, path = HOT) =>
      mounts.bindFromWrongPlace(host, path),
    ),
    on('read-only', '[MOUNT]', 'remount a hot path read-only', ({ host }, path = HOT) =>
      mounts.remountReadOnly(host, path),
    ),
    on('writable', '[MOUNT]', 'remount it writable', ({ host }, path = HOT) =>
      mounts.remountWritable(host, path),
    ),
    on(
      'kill-unit',
      '[UNIT]',
      'kill the main process of a unit, by default the worker',
      ({ host }, unit = WORKER) => control.killUnit(host, unit),
    ),
    on(
      'kill-before-step',
      'NUMBER [UNIT]',
      'kill the next run of a unit, by default recovery, right before a step',
      async ({ host }, number, unit = RECOVERY) => {
        if (!/^[1-9]\d*$/.test(number ?? '')) throw new Error('kill-before-step needs the number of a step');
        await killBeforeStep(host, unit, Number(number));
      },
    ),
    on(
      'hold-lock',
      '[FILE]',
      'hold a lock, by default that of a deploy',
      async ({ host }, path = control.DEPLOY_LOCK) => {
        await release(path);
        held.set(path, await control.holdLock(host, path));
      },
    ),
    on('release-lock', '[FILE]', 'let it go', (_, path = control.DEPLOY_LOCK) => release(path)),
    on('stale-lock', '[FILE]', 'leave a lock file of nine days ago that nobody holds', ({ host }, path) =>
      control.leaveStaleLock(host, path),
    ),
    on('corrupt-file', '[FILE]', 'tear a state file, by default that of recovery', ({ host }, path = STATE) =>
      control.corruptFile(host, path),
    ),
    on('metrics-unwritable', '', 'nobody can write metrics', ({ host }) => control.makeUnwritable(host)),
    on('metrics-writable', '', 'everybody who could can again', ({ host }) => control.makeWritable(host)),
    on(
      'lock-database',
      '[FILE]',
      'hold the lock of an SQLite database',
      async ({ host }, path = DATABASE) => {
        await release(path);
        held.set(path, await lockSqlite(host, path));
      },
    ),
    on('release-database', '[FILE]', 'let it go', (_, path = DATABASE) => release(path)),
    on(
      'step-clock',
      'SECONDS [UNIT]',
      'set the clock of a unit off; 0 is the true time',
      async ({ host }, seconds, unit = WORKER) => {
        if (!/^-?\d+$/.test(seconds ?? ''))
          throw new Error('step-clock needs whole seconds, e.g. 7200 or -7200');
        const clock = clocks.get(unit) ?? (await giveOwnClock(host, unit));
        clocks.set(unit, clock);
        await clock.step(Number(seconds));
      },
    ),
  ];
}
