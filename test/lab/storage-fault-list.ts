/**
 * Every fault of storage that a path can show, and the state that `storage status` must give: of the base, of a hot path
 * that is a bind of it, and of one with a mount of its own from the same server. storage-states.test.ts makes each of them
 * on a host of its own, and writes the table in docs/storage-faults.md. F1 to F23 name facts of storage-facts.test.ts.
 */
import assert from 'node:assert/strict';
import { denyFolder, fillBox, makeBoxReadOnly } from '../../lab/faults/box-space.ts';
import {
  bindFromWrongPlace,
  remountReadOnly,
  stackBind,
  stackTmpfs,
  unmountBehindTheBack,
} from '../../lab/faults/mounts.ts';
import { cutCable, dropServer, freezeSshd } from '../../lab/faults/server.ts';
import { freezeSshfs, killSshfs, preventRestart } from '../../lab/faults/sshfs.ts';
import { abortFuse } from '../../lab/fuse.ts';
import { bindHotPath } from '../../lab/hot-path.ts';
import { probe } from '../../lab/probe.ts';
import { BASE, BASE_UNIT, mountBase, type StorageBoxOptions } from '../../lab/storage-box.ts';
import { waitFor } from '../../lab/wait-for.ts';
import type { StorageState } from '../../src/core/storage/path-state.ts';
import type { Lab } from './with-lab.ts';

/** A host with everything in order. */
export interface StorageLab extends Lab {
  /** A bind of the base, in the manifest. */
  readonly bind: string;
  /** A `[[hot_mounts]]` entry. */
  readonly own: { readonly path: string; readonly unit: string };
}

export interface StorageFault {
  /** As the table in the docs has it. */
  readonly name: string;
  /** Of base, bind and own mount. */
  readonly states: readonly [base: StorageState, bind: StorageState, own: StorageState];
  /** Part of the reason that must be given for the path that the fault is about. */
  readonly says?: readonly [of: 'base' | 'bind' | 'own', reason: RegExp];
  readonly options?: StorageBoxOptions;
  inject(lab: StorageLab): Promise<unknown>;
}

const FOR_GOOD = { keepDown: BASE_UNIT };
const HOT = 'hc-2026';
const SERVED_HOT = `/home/storage/files/jobs/${HOT}`;
/** A server that is frozen stays so: nothing gives up while it is looked at. */
const PATIENT: StorageBoxOptions = { serverAliveSeconds: 60 };

/** The unit's own restart: the base is new, its binds are the old ones. */
async function mountedAnew(lab: StorageLab): Promise<void> {
  await killSshfs(lab.host, BASE, FOR_GOOD);
  await mountBase(lab.box);
}

async function notMounted({ host, box, bind }: StorageLab): Promise<void> {
  await host.runOk(['systemctl', 'stop', box.unit], { timeoutMs: 20_000 });
  await unmountBehindTheBack(host, bind);
}

export const storageFaults: readonly StorageFault[] = [
  {
    name: 'nothing is broken',
    states: ['healthy', 'healthy', 'healthy'],
    inject: () => Promise.resolve(),
  },
  {
    name: 'sshfs of the base is killed and stays down (F1, F18)',
    states: ['dead', 'dead', 'healthy'],
    says: ['bind', /ENOTCONN/],
    inject: ({ host }) => killSshfs(host, BASE, FOR_GOOD),
  },
  {
    name: 'sshfs of the own mount is killed (F1)',
    states: ['healthy', 'healthy', 'dead'],
    says: ['own', /ENOTCONN/],
    inject: ({ host, own }) => killSshfs(host, own.path),
  },
  {
    name: 'the dead base is mounted anew, its bind is not (F7)',
    states: ['healthy', 'dead', 'healthy'],
    inject: mountedAnew,
  },
  {
    name: 'the good bind is stacked over the dead one (F8)',
    states: ['healthy', 'healthy', 'healthy'],
    says: ['bind', /2 mounts are stacked here/],
    inject: async (lab) => {
      await mountedAnew(lab);
      await stackBind(lab.host, `${BASE}/jobs/${HOT}`, lab.bind);
    },
  },
  {
    name: 'one umount takes the good layer off again (F8)',
    states: ['healthy', 'dead', 'healthy'],
    inject: async (lab) => {
      await mountedAnew(lab);
      await stackBind(lab.host, `${BASE}/jobs/${HOT}`, lab.bind);
      await unmountBehindTheBack(lab.host, lab.bind);
    },
  },
  {
    name: 'a second sshfs is started over the dead base, and refuses (F9)',
    states: ['dead', 'dead', 'healthy'],
    inject: async ({ host, box }) => {
      await killSshfs(host, BASE, FOR_GOOD);
      const isForgotten = async () => (await host.run(['test', '-d', BASE])).status === 1;
      await waitFor('the attribute cache to end', isForgotten, 5000);
      const { status } = await host.run(['sshfs', box.source, BASE, '-o', box.sshfsOptions]);
      assert.notEqual(status, 0);
    },
  },
  {
    name: 'the base is unmounted, its bind is in use (F10)',
    states: ['missing', 'healthy', 'healthy'],
    says: ['bind', /outlived the base/],
    inject: ({ host }) => host.runOk(['fusermount3', '-u', BASE]),
  },
  {
    name: 'then its sshfs is killed (F10)',
    states: ['missing', 'dead', 'healthy'],
    inject: async ({ host }) => {
      await host.runOk(['fusermount3', '-u', BASE]);
      await killSshfs(host, BASE, FOR_GOOD);
    },
  },
  {
    name: 'the base is unmounted lazily while a file on it is open (F12)',
    states: ['missing', 'healthy', 'healthy'],
    inject: async ({ host }) => {
      await host.writeFile(`${BASE}/open`, 'x');
      const reader = host.start(`exec 3<${BASE}/open; echo open; read never`, { holdInput: true });
      await waitFor('the file to be open', () => reader.stdout() === 'open\n', 3000);
      await unmountBehindTheBack(host, BASE);
    },
  },
  {
    name: 'neither base nor bind is mounted, as after a boot (F11)',
    states: ['missing', 'missing', 'healthy'],
    says: ['bind', /what answers is the directory below it/],
    inject: notMounted,
  },
  {
    name: 'bound from the empty directory below the unmounted base (F11)',
    states: ['missing', 'wrong_source', 'healthy'],
    inject: async (lab) => {
      await notMounted(lab);
      await bindHotPath(lab.host, HOT);
    },
  },
  {
    name: 'the bind is unmounted; the directory below it is immutable (F14)',
    states: ['healthy', 'missing', 'healthy'],
    inject: async ({ host, bind }) => {
      await unmountBehindTheBack(host, bind);
      // Not every file system can; the state is the same without.
      await host.run(['chattr', '+i', bind]);
    },
  },
  {
    name: 'the unit of the own mount is stopped',
    states: ['healthy', 'healthy', 'missing'],
    inject: ({ host, own }) => host.runOk(['systemctl', 'stop', own.unit], { timeoutMs: 20_000 }),
  },
  {
    name: 'repaired, while a container still holds the dead mount (F15)',
    states: ['healthy', 'healthy', 'healthy'],
    inject: async (lab) => {
      const { host, bind } = lab;
      const container = host.start(
        ['unshare', '--mount', 'sh', '-c', 'echo holds; while sleep 0.1; do ls "$1"; done', 'sh', bind],
        {},
      );
      await waitFor('the container to start', () => container.stdout().includes('holds'), 3000);
      await mountedAnew(lab);
      await unmountBehindTheBack(host, bind);
      await bindHotPath(host, HOT);
      await waitFor('the container to see it dead', () => container.stderr().includes('not connected'), 5000);
    },
  },
  {
    name: 'a mount inside the bind shows inside the shared base too (F23)',
    states: ['healthy', 'healthy', 'healthy'],
    inject: async ({ host, bind }) => {
      await unmountBehindTheBack(host, bind);
      await host.runOk(['mount', '--make-shared', BASE]);
      await host.runOk(['mount', '--bind', `${BASE}/jobs/${HOT}`, bind]);
      await host.runOk(['mkdir', `${bind}/inside`]);
      await host.runOk(['mount', '-t', 'tmpfs', 'inside', `${bind}/inside`]);
      assert.equal(host.mountsOn(`${BASE}/jobs/${HOT}/inside`).length, 1);
    },
  },
  {
    name: 'the server is stopped: connections are refused (F2)',
    states: ['degraded', 'degraded', 'degraded'],
    says: ['bind', /EIO/],
    inject: ({ box }) => dropServer(box),
  },
  {
    name: 'the server is frozen (F3)',
    states: ['hung', 'hung', 'hung'],
    says: ['bind', /no answer in time|still blocked/],
    options: PATIENT,
    inject: ({ box }) => freezeSshd(box),
  },
  {
    name: 'the server is frozen, and the base unmounted lazily (F5)',
    states: ['missing', 'hung', 'hung'],
    options: PATIENT,
    inject: async ({ host, box }) => {
      await freezeSshd(box);
      await unmountBehindTheBack(host, BASE);
    },
  },
  {
    // Its sshfs ends, and takes the base off its path; the bind is left.
    name: 'the server is frozen, and the hung base aborted (F6)',
    states: ['missing', 'dead', 'hung'],
    options: PATIENT,
    inject: async ({ host, box }) => {
      const [entry] = host.mountsOn(BASE);
      assert.ok(entry);
      await preventRestart(host, BASE_UNIT);
      await freezeSshd(box);
      await abortFuse(host, entry);
      await waitFor('sshfs to end', () => host.mountsOn(BASE).length === 0, 10_000);
    },
  },
  {
    name: 'sshfs of the base is frozen',
    states: ['hung', 'hung', 'healthy'],
    inject: ({ host }) => freezeSshfs(host, BASE),
  },
  {
    name: 'the cable is cut: no packet comes through',
    states: ['hung', 'hung', 'hung'],
    options: PATIENT,
    inject: ({ box }) => cutCable(box),
  },
  {
    name: 'another directory of the box is bound in its place',
    states: ['healthy', 'wrong_source', 'healthy'],
    says: ['bind', /wrong-place of the storage box is mounted instead of/],
    inject: ({ host, bind }) => bindFromWrongPlace(host, bind),
  },
  {
    name: 'a tmpfs covers the bind',
    states: ['healthy', 'wrong_source', 'healthy'],
    says: ['bind', /fuse\.sshfs is expected, tmpfs/],
    inject: ({ host, bind }) => stackTmpfs(host, bind),
  },
  {
    name: 'a tmpfs covers the base',
    states: ['wrong_source', 'healthy', 'healthy'],
    says: ['base', /a mount of type tmpfs lies over/],
    inject: ({ host }) => stackTmpfs(host, BASE),
  },
  {
    name: 'a bind of the box is in the place of the own mount',
    states: ['healthy', 'healthy', 'wrong_source'],
    says: ['own', /bind mount of the storage box/],
    inject: async ({ host, own }) => {
      await host.runOk(['systemctl', 'stop', own.unit], { timeoutMs: 20_000 });
      await stackBind(host, `${BASE}/jobs/${HOT}`, own.path);
    },
  },
  {
    name: 'the bound directory is removed on the server; sshfs forgets it after 20 s',
    states: ['healthy', 'wrong_source', 'healthy'],
    says: ['bind', /has been removed/],
    inject: ({ box }) => box.server.runOk(['rmdir', SERVED_HOT]),
  },
  {
    name: 'the bind is remounted read-only',
    states: ['healthy', 'unwritable', 'healthy'],
    says: ['bind', /mounted read-only/],
    inject: ({ host, bind }) => remountReadOnly(host, bind),
  },
  {
    name: 'the box denies the directory to us',
    states: ['healthy', 'denied', 'healthy'],
    says: ['bind', /EACCES/],
    inject: ({ box }) => denyFolder(box, `jobs/${HOT}`),
  },
  {
    name: 'the box is full: every lookup is answered',
    states: ['unwritable', 'unwritable', 'unwritable'],
    says: ['bind', /^no space is left;/],
    options: { sizeBytes: 8 * 1024 ** 2 },
    inject: async ({ host, box, bind }) => {
      await fillBox(box);
      assert.equal(await probe(host, 'write', bind, { user: 'healtharchive' }), 'EIO');
    },
  },
  {
    name: 'the box is read-only: only writing shows it',
    states: ['healthy', 'healthy', 'healthy'],
    inject: async ({ host, box, bind }) => {
      await makeBoxReadOnly(box);
      assert.equal(await probe(host, 'write', bind, { user: 'healtharchive' }), 'EPERM');
    },
  },
];
