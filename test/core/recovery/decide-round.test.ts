/** What one round of recovery decides, and what the rounds after it will, each in a world made as storage really breaks. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { foretellRounds } from '../../../src/core/recovery/foretell.ts';
import { BASE, BASE_UNIT, JOBS } from '../../simulation/host-model.ts';
import { policy, unitOf } from '../../simulation/scene.ts';
import {
  bind,
  broken,
  crawl,
  decideNow,
  killedForGood,
  mountedAnew,
  named,
  pastOf,
  rebound,
  restarted,
  unasked,
  unit,
  worldOf,
  type Case,
} from './worlds.ts';

const cases: readonly Case[] = [
  { what: 'all is well', spots: [bind('a'), unit('u')], breaks: () => undefined, rounds: [[]] },
  {
    what: 'the base was killed, and systemd is at it: wait, then mend what died with it',
    spots: [bind('a'), bind('b'), unit('u')],
    breaks: ({ host }) => {
      host.killSshfs(BASE_UNIT);
    },
    rounds: [['wait BASE'], [...rebound('a'), ...rebound('b'), 'verify BASE'], []],
  },
  {
    what: 'the base was killed and stays down',
    spots: [bind('a'), unit('u')],
    breaks: killedForGood,
    rounds: [restarted('BASE'), rebound('a'), []],
  },
  {
    what: 'the base is back, a crawl hangs on the dead bind, another one lives beside it',
    spots: [bind('a'), unit('u')],
    breaks: (scene) => {
      crawl(scene, 'a');
      crawl(scene, 'u');
      mountedAnew(scene);
    },
    rounds: [['interrupt a', ...rebound('a')], []],
  },
  {
    what: 'a crawl that began on the local disk, before the bind came that died: it is left alone',
    spots: [bind('a')],
    breaks: (scene) => {
      scene.host.crawls.push({
        attempt: '1-001',
        jobId: 1,
        outputDir: `${JOBS}/a`,
        device: '8:1',
        isDeviceKnown: true,
      });
      mountedAnew(scene);
    },
    rounds: [rebound('a'), []],
  },
  {
    what: 'a bind that nobody asks for died too',
    spots: [unasked('x')],
    breaks: mountedAnew,
    rounds: [rebound('x'), []],
  },
  {
    what: 'a bind is missing, also while a crawl lives that began there',
    spots: [bind('a')],
    breaks: (scene) => {
      crawl(scene, 'a');
      scene.host.unmountTop(`${JOBS}/a`);
    },
    rounds: [['bind a', 'verify a'], []],
  },
  {
    what: 'a mount of its own was killed, and stays down',
    spots: [bind('a'), unit('u')],
    breaks: (scene) => {
      crawl(scene, 'a');
      crawl(scene, 'u');
      killedForGood(scene, unitOf('u'));
    },
    rounds: [['interrupt u', 'unmount u', 'restart u', 'verify u'], []],
  },
  {
    what: 'a mount of its own was killed, and its dead mount keeps systemd from starting it',
    spots: [unit('u')],
    breaks: ({ host }) => {
      host.killSshfs(unitOf('u'));
    },
    rounds: [['unmount u', 'wait u', 'verify u'], []],
  },
  {
    what: 'a unit that an operator has disabled stays down',
    spots: [unit('u')],
    breaks: ({ host }) => {
      host.stopUnit(unitOf('u'));
      const stopped = host.units.get(unitOf('u'));
      assert.ok(stopped);
      stopped.isDisabled = true;
    },
    rounds: [[]],
    refusals: ['unit_disabled'],
  },
  {
    what: 'two dead layers of one file system go together',
    spots: [bind('a')],
    breaks: (scene) => {
      const top = scene.host.table.topmostAt(`${JOBS}/a`);
      assert.ok(top);
      scene.host.mount(`${JOBS}/a`, top);
      mountedAnew(scene);
    },
    rounds: [rebound('a'), []],
  },
  {
    what: 'a living layer lies under the dead one',
    spots: [bind('a')],
    breaks: (scene) => {
      const dead = scene.host.table.topmostAt(`${JOBS}/a`);
      assert.ok(dead);
      scene.host.unmountTop(`${JOBS}/a`);
      scene.host.mount(`${JOBS}/a`, { ...dead, device: '0:77', fstype: 'tmpfs', source: 'tmpfs', root: '/' });
      scene.host.mount(`${JOBS}/a`, dead);
      mountedAnew(scene);
    },
    rounds: [[]],
    refusals: ['stacked'],
  },
  {
    what: 'the base is unmounted under a living bind with a crawl on it',
    spots: [bind('a'), bind('b')],
    breaks: (scene) => {
      crawl(scene, 'a');
      scene.host.unmountTop(BASE);
    },
    rounds: [[]],
    refusals: ['base_in_use'],
  },
  {
    what: 'the base is unmounted under a crawl of which nobody knows what it uses',
    spots: [bind('a')],
    breaks: (scene) => {
      crawl(scene, 'a', { isDeviceKnown: false });
      scene.host.unmountTop(BASE);
    },
    rounds: [[]],
    refusals: ['base_in_use'],
  },
  ...[true, false].map((isDeviceKnown): Case => ({
    what: `base and bind are unmounted under a crawl of which ${isDeviceKnown ? 'the mount is not to be seen any more' : 'nobody knows anything'}`,
    spots: [bind('a')],
    breaks: (scene) => {
      crawl(scene, 'a', { isDeviceKnown });
      scene.host.unmountTop(`${JOBS}/a`);
      scene.host.unmountTop(BASE);
    },
    rounds: [[]],
    refusals: ['base_in_use', 'base_first'],
  })),
  {
    what: 'the base is unmounted under living binds, without a crawl: they die with the restart, and are bound again',
    spots: [bind('a'), unasked('x')],
    breaks: ({ host }) => {
      host.unmountTop(BASE);
    },
    rounds: [restarted('BASE'), [...rebound('a'), ...rebound('x')], []],
  },
  {
    what: 'the base is unmounted, and lives on under a foreign name',
    spots: [bind('a')],
    breaks: ({ host }) => {
      host.bind(`${BASE}/else`, '/mnt/else');
      host.unmountTop(BASE);
    },
    rounds: [[]],
    refusals: ['base_in_use'],
  },
  {
    what: 'the base is unmounted, and something foreign is mounted in one of its binds',
    spots: [bind('a')],
    breaks: ({ host }) => {
      host.mount(`${JOBS}/a/in`, { device: '0:77', root: '/', fstype: 'tmpfs', source: 'tmpfs' });
      host.unmountTop(BASE);
    },
    rounds: [[]],
    refusals: ['base_in_use'],
  },
  {
    what: 'a dead layer lies over the living base, and a crawl works on it',
    spots: [bind('a')],
    breaks: (scene) => {
      crawl(scene, 'a');
      scene.host.superblocks.set('0:90', { isAlive: false, servedBy: 'nobody' });
      scene.host.mount(BASE, { device: '0:90', root: '/', fstype: 'fuse.sshfs', source: `${BASE_UNIT}:` });
    },
    rounds: [[]],
    // The bind is not of what lies on top now.
    refusals: ['base_in_use', 'storage_wrong_source'],
  },
  {
    what: 'nested: the outer one first, then the inner one',
    spots: [bind('a'), bind('a/in')],
    breaks: ({ host }) => {
      host.unmountTop(`${JOBS}/a/in`);
      host.unmountTop(`${JOBS}/a`);
    },
    rounds: [['bind a', 'verify a'], ['bind a/in', 'verify a/in'], []],
  },
  {
    what: 'nested in what is dead: it goes along, and comes back',
    spots: [bind('a'), unit('a/in')],
    breaks: mountedAnew,
    rounds: [rebound('a'), restarted('a/in'), []],
  },
  {
    what: 'nested in what is dead, with a crawl that lives',
    spots: [bind('a'), unit('a/in')],
    breaks: (scene) => {
      crawl(scene, 'a/in');
      mountedAnew(scene);
    },
    rounds: [[]],
    refusals: ['crawl_running', 'outer_first'],
  },
  {
    what: 'nested in what is dead, with a crawl elsewhere of which nobody knows what it uses',
    spots: [bind('a'), unit('a/in'), bind('b')],
    breaks: (scene) => {
      crawl(scene, 'b', { isDeviceKnown: false });
      mountedAnew(scene);
    },
    rounds: [rebound('b'), []],
    refusals: ['crawl_running', 'outer_first'],
  },
  {
    what: 'nested in what is dead, of the superblock of a crawl that has its place elsewhere: it goes along, and comes back',
    spots: [bind('a'), unit('u'), bind('u/in')],
    breaks: (scene) => {
      crawl(scene, 'a');
      killedForGood(scene, unitOf('u'));
    },
    rounds: [['unmount u', ...restarted('u')], ['bind u/in', 'verify u/in'], []],
  },
  {
    what: 'the same with a crawl that has its place there: it is left',
    spots: [bind('a'), unit('u'), bind('u/in')],
    breaks: (scene) => {
      crawl(scene, 'u/in');
      killedForGood(scene, unitOf('u'));
    },
    rounds: [[]],
    refusals: ['crawl_running', 'outer_first'],
  },
  {
    what: 'the outer place is what nobody may mount: nothing is bound into its local directory',
    spots: [unit('u'), bind('u/in')],
    breaks: ({ host }) => {
      host.stopUnit(unitOf('u'));
      const stopped = host.units.get(unitOf('u'));
      assert.ok(stopped);
      stopped.isDisabled = true;
    },
    rounds: [[]],
    refusals: ['unit_disabled', 'outer_first'],
  },
  {
    what: 'a dead inner one is in the way of a missing outer one',
    spots: [bind('a'), bind('a/in')],
    breaks: (scene) => {
      const dead = scene.host.table.topmostAt(`${JOBS}/a/in`);
      assert.ok(dead);
      scene.host.unmountTop(`${JOBS}/a`);
      scene.host.mount(`${JOBS}/a/in`, dead);
      mountedAnew(scene);
    },
    rounds: [['unmount a/in', 'bind a', 'verify a'], ['bind a/in', 'verify a/in'], []],
  },
  {
    what: 'another mount is in the place of the right one',
    spots: [bind('a')],
    breaks: ({ host }) => {
      host.mount(`${JOBS}/a`, { device: '0:77', root: '/', fstype: 'tmpfs', source: 't' });
    },
    rounds: [[]],
    refusals: ['storage_wrong_source'],
  },
  {
    what: 'the server is away, sshfs waits for it',
    spots: [bind('a'), unit('u')],
    breaks: ({ host }) => {
      host.server = 'down';
    },
    rounds: [[]],
    refusals: ['storage_degraded', 'storage_degraded', 'storage_degraded'],
  },
  {
    what: 'it hangs, but not for long',
    spots: [bind('a')],
    breaks: ({ host }) => {
      host.server = 'frozen';
    },
    rounds: [[]],
    refusals: ['storage_hung', 'storage_hung'],
  },
  {
    what: 'it has hung for long: aborted, and then mended as what is dead',
    spots: [bind('a')],
    breaks: (scene) => {
      crawl(scene, 'a');
      scene.host.server = 'frozen';
    },
    memory: { hung: { '0:40': { bootId: 'boot', sinceBootMs: 900_000 } } },
    rounds: [['abort BASE'], ['wait BASE'], ['interrupt a', ...rebound('a'), 'verify BASE'], []],
  },
  {
    what: 'it has hung for long, but nobody waits for it',
    spots: [bind('a')],
    breaks: ({ host }) => {
      host.server = 'frozen';
    },
    world: { waitingRequests: new Map() },
    memory: { hung: { '0:40': { bootId: 'boot', sinceBootMs: 900_000 } } },
    rounds: [[]],
    refusals: ['storage_hung', 'storage_hung'],
  },
  {
    what: 'it has hung for long, but it is bound where nobody could mount it again',
    spots: [bind('a')],
    breaks: ({ host }) => {
      host.bind(`${BASE}/else`, '/mnt/else');
      host.server = 'frozen';
    },
    memory: { hung: { '0:40': { bootId: 'boot', sinceBootMs: 900_000 } } },
    rounds: [[]],
    refusals: ['storage_hung', 'storage_hung'],
  },
  {
    what: 'it has hung for long, but a crawl elsewhere may use it, of which nobody knows',
    spots: [bind('a'), { name: 'l', kind: 'local' }],
    breaks: (scene) => {
      crawl(scene, 'l', { isDeviceKnown: false });
      scene.host.server = 'frozen';
    },
    memory: { hung: { '0:40': { bootId: 'boot', sinceBootMs: 900_000 } } },
    rounds: [[]],
    refusals: ['storage_hung', 'storage_hung'],
  },
  {
    what: 'one lookup says dead, another does not',
    spots: [bind('a')],
    breaks: (scene) => {
      mountedAnew(scene);
      scene.isFlipping = true;
    },
    rounds: [[]],
    refusals: ['unconfirmed'],
  },
  {
    what: 'a crawl works on a dead mount over which somebody has bound the good one',
    spots: [bind('a')],
    breaks: (scene) => {
      crawl(scene, 'a');
      const dead = scene.host.table.topmostAt(`${JOBS}/a`);
      assert.ok(dead);
      mountedAnew(scene);
      scene.host.mount('/mnt/old', dead);
      scene.host.unmountTop(`${JOBS}/a`);
      scene.host.bind(`${BASE}/jobs/a`, `${JOBS}/a`);
    },
    rounds: [['interrupt a'], []],
  },
  {
    what: 'nobody knows which lines the manifest has: only what was there is put back',
    spots: [bind('a'), bind('b')],
    breaks: (scene) => {
      mountedAnew(scene);
      scene.host.unmountTop(`${JOBS}/b`);
    },
    world: { manifestProblems: [{ line: null, message: 'it can’t be read' }] },
    rounds: [rebound('a'), []],
    refusals: ['manifest_unreadable', 'manifest_unreadable'],
  },
  {
    what: 'systemd does not say how the unit is',
    spots: [unit('u')],
    breaks: ({ host }) => {
      host.stopUnit(unitOf('u'));
    },
    world: { units: new Map([[BASE_UNIT, null]]) },
    rounds: [[]],
    refusals: ['unit_unknown'],
  },
  {
    what: 'the database does not answer: nothing waits for it',
    spots: [bind('a')],
    breaks: mountedAnew,
    world: { jobsUnknownBecause: 'it is locked' },
    rounds: [rebound('a'), []],
    refusals: ['jobs_unknown'],
  },
  {
    what: 'a deploy runs: what would be done is shown, and that it is held back',
    spots: [bind('a')],
    breaks: mountedAnew,
    world: { deployLock: 'held' },
    rounds: [rebound('a'), []],
  },
];

describe('what recovery decides', () => {
  for (const each of cases) {
    test(each.what, () => {
      const rounds = foretellRounds(worldOf(each), policy, pastOf(each));
      assert.deepEqual(rounds.map(named), each.rounds);
      const codes = (rounds.at(-1)?.refusals ?? []).map(({ code }) => code);
      assert.deepEqual(codes, each.refusals ?? []);
    });
  }
});

test('a hot mount that names the base’s own unit is refused', () => {
  const world = worldOf({
    ...broken,
    spots: [unit('u')],
    breaks: ({ host }) => {
      host.stopUnit(unitOf('u'));
    },
  });
  const targets = world.targets.map((target) => ({
    ...target,
    place: { kind: 'unit', unit: BASE_UNIT } as const,
  }));
  const [first] = foretellRounds({ ...world, targets }, policy, pastOf(broken));
  assert.deepEqual([first?.steps, first?.refusals.map(({ code }) => code)], [[], ['hot_mount_invalid']]);
});

test('a job’s directory below a place is said too, unless the place itself is', () => {
  const below = {
    path: `${JOBS}/a/job`,
    configuredPath: `${JOBS}/a/job`,
    expectation: { kind: 'bind', mountPoint: `${JOBS}/a`, coldPath: `${BASE}/jobs/a` },
    place: { kind: 'below', mountPoint: `${JOBS}/a` },
    jobs: [1],
    archive: null,
    isResolved: true,
  } as const;
  const codesOf = (healthy: boolean): string[] => {
    const scene = worldOf(healthy ? { ...broken, breaks: () => undefined } : broken);
    const dead = { kind: 'error', errno: 'ENOTCONN' } as const;
    const lookup = healthy
      ? ({ kind: 'error', errno: 'EACCES' } as const)
      : ({ kind: 'failed_at', mountPoint: `${JOBS}/a`, lookup: dead } as const);
    const lookups = new Map([...scene.lookups, [below.path, lookup] as const]);
    const targets = [...scene.targets, below];
    const [first] = foretellRounds({ ...scene, targets, lookups }, policy, pastOf(broken));
    return first?.refusals.map(({ code }) => code) ?? [];
  };
  assert.deepEqual([codesOf(true), codesOf(false)], [['storage_denied'], []]);
});

test('who dies with what is said before anything is done', () => {
  const each: Case = {
    ...broken,
    spots: [bind('a'), bind('b')],
    breaks: (scene) => {
      crawl(scene, 'a');
      mountedAnew(scene);
    },
  };
  assert.deepEqual(decideNow(each).casualties, [
    {
      device: '0:40',
      source: `${BASE_UNIT}:`,
      because: 'dead already',
      paths: [`${JOBS}/a`, `${JOBS}/b`],
      crawls: ['1-001'],
    },
  ]);
});
