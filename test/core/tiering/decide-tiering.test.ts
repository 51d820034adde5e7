import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { storageStates, type StorageState } from '../../../src/core/storage/path-state.ts';
import { isBelow } from '../../../src/core/storage/path-relation.ts';
import { decideTiering } from '../../../src/core/tiering/decide-tiering.ts';
import type { TieringPolicy, TieringStep } from '../../../src/core/tiering/tiering-plan.ts';
import type { TieringPath, TieringWorld } from '../../../src/core/tiering/tiering-world.ts';

const everything: TieringPolicy = { repairStale: true, repairUnexpected: true, acceptedArchives: [] };
const nothingMore: TieringPolicy = { repairStale: false, repairUnexpected: false, acceptedArchives: [] };

const mountOf = (device: string, id = 50) => ({
  id,
  fstype: 'fuse.sshfs',
  source: 'u1@box:/',
  root: '/jobs/x',
  device,
  layers: 1,
});

function path(name: string, state: StorageState, more: Partial<TieringPath> = {}): TieringPath {
  const hot = `/jobs/${name}`;
  const isMounted = state !== 'missing';
  return {
    path: hot,
    configuredPath: hot,
    inner: [],
    layers: isMounted ? [state === 'healthy' ? '0:77' : '0:66'] : [],
    isSecured: true,
    coldPath: `/box/jobs/${name}`,
    state,
    errno: null,
    reason: `it is ${state}`,
    mount: isMounted ? mountOf(state === 'healthy' ? '0:77' : '0:66') : null,
    coveredBy: isMounted ? hot : '/',
    crawls: [],
    shadowed: null,
    coldKind: 'directory',
    archive: null,
    ...more,
  };
}

function world(paths: readonly TieringPath[], more: Partial<TieringWorld> = {}): TieringWorld {
  return {
    jobsRoot: '/jobs',
    base: {
      path: '/box',
      state: 'healthy',
      errno: null,
      reason: 'it answers',
      mount: { ...mountOf('0:77', 40), root: '/' },
    },
    basePath: '/box',
    paths,
    manifestProblems: [],
    jobsUnknownBecause: null,
    crawlsUnseenBecause: null,
    ...more,
  };
}

const deadBase = {
  base: { path: '/box', state: 'dead', errno: 'ENOTCONN', reason: 'gone', mount: mountOf('0:77', 40) },
} as const;

interface Case {
  readonly what: string;
  readonly world: TieringWorld;
  readonly policy: TieringPolicy;
  /** `kind path`. */
  readonly steps: readonly string[];
  readonly refusals: readonly string[];
}

const bound = (name: string) => [`bind /jobs/${name}`, `verify /jobs/${name}`];
const replaced = (name: string) => [`unmount /jobs/${name}`, ...bound(name)];

const cases: readonly Case[] = [
  { what: 'all is well', world: world([path('a', 'healthy')]), policy: everything, steps: [], refusals: [] },
  {
    what: 'right, but not secured',
    world: world([path('a', 'healthy', { isSecured: false }), path('b', 'healthy')]),
    policy: nothingMore,
    steps: ['secure /jobs/a', 'verify /jobs/a'],
    refusals: [],
  },
  {
    what: 'missing, at a path that leads elsewhere',
    world: world([path('a', 'missing', { path: '/jobs/loop/../../ops' })]),
    policy: everything,
    steps: [],
    refusals: ['outside_jobs_root'],
  },
  {
    what: 'dead, twice of the same file system',
    world: world([path('a', 'dead', { layers: ['0:66', '0:66'] })]),
    policy: everything,
    steps: replaced('a'),
    refusals: [],
  },
  {
    what: 'dead, over another file system that nobody can look at',
    world: world([path('a', 'dead', { layers: ['0:55', '0:66'] })]),
    policy: everything,
    steps: [],
    refusals: ['stacked'],
  },
  {
    what: 'missing',
    world: world([path('a', 'missing')]),
    policy: nothingMore,
    steps: bound('a'),
    refusals: [],
  },
  {
    what: 'missing, and the base is dead',
    world: world([path('a', 'missing')], deadBase),
    policy: everything,
    steps: [],
    refusals: ['base_not_healthy'],
  },
  {
    what: 'missing, and a crawl runs there (on the local disk)',
    world: world([path('a', 'missing', { crawls: ['1-001'] }), path('b', 'missing')]),
    policy: everything,
    steps: bound('b'),
    refusals: ['crawl_running'],
  },
  {
    what: 'dead, not asked to repair',
    world: world([path('a', 'dead')]),
    policy: nothingMore,
    steps: [],
    refusals: ['stale_mount'],
  },
  { what: 'dead', world: world([path('a', 'dead')]), policy: everything, steps: replaced('a'), refusals: [] },
  {
    what: 'dead, with a crawl on it',
    world: world([path('a', 'dead', { crawls: ['1-001'] })]),
    policy: everything,
    steps: [],
    refusals: ['crawl_running'],
  },
  {
    what: 'dead, and the base too: nothing is unmounted that could not be mounted again',
    world: world([path('a', 'dead')], deadBase),
    policy: everything,
    steps: [],
    refusals: ['base_not_healthy'],
  },
  {
    what: 'wrong source, not asked to repair',
    world: world([path('a', 'wrong_source')]),
    policy: { repairStale: true, repairUnexpected: false, acceptedArchives: [] },
    steps: [],
    refusals: ['unexpected_mount'],
  },
  {
    what: 'wrong source',
    world: world([path('a', 'wrong_source')]),
    policy: everything,
    steps: replaced('a'),
    refusals: [],
  },
  {
    what: 'a symbolic link, on which nothing is mounted',
    world: world([path('a', 'wrong_source', { mount: null, coveredBy: '/' })]),
    policy: everything,
    steps: [],
    refusals: ['wrong_source'],
  },
  {
    what: 'a dead directory bound as a whole, and one inside it',
    world: world([
      path('hc/2026', 'dead', { mount: null, coveredBy: '/jobs/hc' }),
      path('hc', 'dead', { inner: ['/jobs/hc/own'] }),
      path('hc/own', 'dead'),
    ]),
    policy: everything,
    // The one inside is of the same dead file system, and goes along.
    steps: [
      'unmount /jobs/hc',
      'bind /jobs/hc',
      'bind /jobs/hc/2026',
      'bind /jobs/hc/own',
      'verify /jobs/hc',
      'verify /jobs/hc/2026',
      'verify /jobs/hc/own',
    ],
    refusals: [],
  },
  {
    what: 'dead above, where nothing of ours is mounted',
    world: world([path('x/y', 'dead', { mount: null, coveredBy: '/jobs/x' })]),
    policy: everything,
    steps: [],
    refusals: ['dead_above'],
  },
  {
    what: 'outside the roots',
    world: world([
      path('a', 'missing', { path: '/etc' }),
      path('b', 'missing', { path: '/jobs' }),
      path('c', 'missing', { coldPath: '/box' }),
      path('d', 'missing', { coldPath: '/etc' }),
      path('e', 'missing', { coldPath: null }),
    ]),
    policy: everything,
    steps: [],
    refusals: [
      'outside_jobs_root',
      'outside_jobs_root',
      'outside_storage_box',
      'outside_storage_box',
      'outside_jobs_root',
    ],
  },
  {
    what: 'one path twice, by a link',
    world: world([path('a', 'missing'), path('a', 'missing')]),
    policy: everything,
    steps: bound('a'),
    refusals: ['twice'],
  },
  {
    what: 'files under the mount, and a bad line: reported, and in nobody’s way',
    world: world(
      [
        path('a', 'healthy', { shadowed: { kind: 'files', files: 2, bytes: 10, isAtLeast: false } }),
        path('b', 'missing'),
      ],
      { manifestProblems: [{ line: 3, message: 'no' }] },
    ),
    policy: everything,
    steps: bound('b'),
    refusals: ['manifest_line', 'shadowed_data'],
  },
  {
    what: 'jobs unknown: the manifest is enough for what it names',
    world: world([path('a', 'missing')], { jobsUnknownBecause: 'the database is gone' }),
    policy: everything,
    steps: bound('a'),
    refusals: ['jobs_unknown'],
  },
  {
    what: 'jobs unknown: nothing is taken off',
    world: world([path('a', 'dead'), path('b', 'wrong_source')], { jobsUnknownBecause: 'it is gone' }),
    policy: everything,
    steps: [],
    refusals: ['jobs_unknown', 'jobs_unknown', 'jobs_unknown'],
  },
  {
    what: 'crawls that the asker may not see: the plan is shown, and what it does not know is said',
    world: world([path('a', 'missing')], { crawlsUnseenBecause: 'EACCES' }),
    policy: everything,
    steps: bound('a'),
    refusals: ['crawls_unseen'],
  },
  {
    what: 'an unreadable manifest: nobody knows what belongs where',
    world: world([path('a', 'missing')], { manifestProblems: [{ line: null, message: 'no' }] }),
    policy: everything,
    steps: [],
    refusals: ['manifest_unreadable'],
  },
  {
    what: 'a mount inside would be hidden',
    world: world([path('hc', 'missing', { inner: ['/jobs/hc/unit'] }), path('hc/2026', 'missing')]),
    policy: everything,
    steps: [],
    refusals: ['mounts_below', 'outer_first'],
  },
  {
    what: 'the outer one is left alone for a crawl, so the inner one is too',
    world: world([path('hc', 'missing', { crawls: ['1-001'] }), path('hc/2026', 'missing')]),
    policy: everything,
    steps: [],
    refusals: ['crawl_running', 'outer_first'],
  },
  {
    what: 'nobody can say what lies under the mount',
    world: world([path('a', 'healthy', { shadowed: { kind: 'unknown', because: 'no unshare' } })]),
    policy: everything,
    steps: [],
    refusals: ['shadowed_unknown'],
  },
  ...(['hung', 'degraded', 'denied', 'unknown', 'unwritable'] as const).map((state) => ({
    what: `${state} is never unmounted`,
    world: world([path('a', state)]),
    policy: everything,
    steps: [],
    refusals: [`storage_${state}`],
  })),
];

describe('what tiering decides', () => {
  for (const { what, world, policy, steps, refusals } of cases) {
    test(what, () => {
      const plan = decideTiering(world, policy);
      assert.deepEqual(
        plan.steps.map((step) => `${step.kind} ${step.path}`),
        steps,
      );
      assert.deepEqual(
        plan.refusals.map(({ code }) => code),
        refusals,
      );
    });
  }
});

const names = fc.constantFrom('a', 'a/b', 'a/b/c', 'b', 'b/x', 'ab');
const paths = fc.uniqueArray(
  fc.record({
    name: names,
    state: fc.constantFrom(...storageStates),
    crawls: fc.constantFrom<readonly string[]>([], [], ['1-001']),
    hasCold: fc.constantFrom(true, true, true, false),
  }),
  { selector: ({ name }) => name },
);
const worlds = fc
  .tuple(paths, fc.constantFrom(...storageStates), fc.boolean(), fc.boolean())
  .map(([list, baseState, repairStale, repairUnexpected]) => ({
    world: world(
      list.map(({ name, state, crawls, hasCold }) =>
        path(name, state, { crawls, ...(hasCold ? {} : { coldPath: null }) }),
      ),
      baseState === 'healthy' ? {} : { base: { ...world([]).base, state: baseState } },
    ),
    policy: { repairStale, repairUnexpected, acceptedArchives: [] },
  }));

/** What the steps make of the world, if each does what it says. */
function applied(before: TieringWorld, steps: readonly TieringStep[]): TieringWorld {
  const healed = new Set(steps.filter(({ kind }) => kind === 'verify').map((step) => step.path));
  return {
    ...before,
    paths: before.paths.map((seen) =>
      healed.has(seen.path)
        ? { ...seen, state: 'healthy', mount: mountOf('0:77'), coveredBy: seen.path }
        : seen,
    ),
  };
}

describe('an archive that is gone, or another one, is not replaced without a word', () => {
  const archive = { jobs: [3], recorded: [3], source: 'u1@box:/' };
  const planOf = (more: Partial<TieringPath>, accepted: readonly string[] = []) => {
    const { steps, refusals } = decideTiering(world([path('a', 'missing', more)]), {
      ...nothingMore,
      acceptedArchives: accepted,
    });
    return [steps.map(({ kind }) => kind), refusals.map(({ code, holdsBack }) => `${code} ${holdsBack}`)];
  };
  const bound = [['bind', 'verify'], []];
  const table: readonly [string, Partial<TieringPath>, unknown[]][] = [
    ['nothing was archived: it is made', { coldKind: 'absent' }, bound],
    ['it is there', { archive }, bound],
    ['nobody has seen it', { archive, coldKind: null }, bound],
    ['it is gone', { archive, coldKind: 'absent' }, [[], ['archive_gone false']]],
    ['another box', { archive: { ...archive, source: 'u1@box:/other' } }, [[], ['other_archive false']]],
    ['its jobs ran on the local disk', { archive: { ...archive, source: null } }, bound],
    ['a file', { coldKind: 'other' }, [[], ['cold_not_directory false']]],
    ['a link', { coldKind: 'symlink' }, [[], ['cold_not_directory false']]],
    [
      'without the database, gone',
      { archive: 'unknown', coldKind: 'absent' },
      [[], ['archive_unknown false']],
    ],
    ['without the database, there', { archive: 'unknown' }, bound],
  ];
  for (const [what, more, expected] of table)
    test(what, () => {
      assert.deepEqual(planOf(more), expected);
    });

  test('a person may say that it is right, of that path alone', () => {
    assert.deepEqual(planOf({ archive, coldKind: 'absent' }, ['/jobs/a']), bound);
    assert.deepEqual(planOf({ archive: { ...archive, source: 'x' } }, ['/jobs/a']), bound);
    assert.deepEqual(planOf({ archive, coldKind: 'absent' }, ['/jobs/b']), [[], ['archive_gone false']]);
    assert.deepEqual(planOf({ archive, coldKind: 'other' }, ['/jobs/a']), [[], ['cold_not_directory false']]);
  });

  test('what is made is said, and only what may be made is', () => {
    const bindOf = (more: Partial<TieringPath>, accepted: readonly string[] = []) => {
      const plan = decideTiering(world([path('a', 'missing', more)]), {
        ...nothingMore,
        acceptedArchives: accepted,
      });
      return plan.steps.find((step) => step.kind === 'bind');
    };
    assert.match(bindOf({ coldKind: 'absent' })?.because ?? '', /made new on the storage box/);
    assert.deepEqual(
      [
        bindOf({ coldKind: 'absent' })?.makesCold,
        bindOf({ archive })?.makesCold,
        bindOf({ archive, coldKind: null })?.makesCold,
        bindOf({ archive: 'unknown' })?.makesCold,
        bindOf({ archive, coldKind: 'absent' }, ['/jobs/a'])?.makesCold,
      ],
      [true, false, false, false, true],
    );
  });
});

describe('whatever the world', () => {
  test('tiering twice plans nothing', () => {
    fc.assert(
      fc.property(worlds, ({ world, policy }) => {
        const { steps } = decideTiering(world, policy);
        assert.deepEqual(decideTiering(applied(world, steps), policy).steps, []);
      }),
      { numRuns: 2000 },
    );
  });

  test('every path that is not healthy has steps, or a refusal that says why not', () => {
    fc.assert(
      fc.property(worlds, ({ world, policy }) => {
        const plan = decideTiering(world, policy);
        for (const { path, state } of world.paths) {
          const isBound = plan.steps.some((step) => step.kind === 'bind' && step.path === path);
          const isRefused = plan.refusals.some((refusal) => refusal.path === path);
          assert.equal(isBound || isRefused, state !== 'healthy', path);
          assert.equal(isBound && isRefused, false, path);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('what is unmounted is mounted again and verified, and was dead or wrong, without a crawl, and asked for', () => {
    fc.assert(
      fc.property(worlds, ({ world, policy }) => {
        const { steps } = decideTiering(world, policy);
        for (const [index, step] of steps.entries()) {
          assert.ok(isBelow(step.path, world.jobsRoot));
          const seen = world.paths.find(({ path }) => path === step.path);
          assert.equal(seen?.crawls.length, 0);
          assert.equal(world.base.state, 'healthy');
          if (step.kind === 'bind') assert.ok(isBelow(step.coldPath, world.basePath));
          if (step.kind !== 'unmount') continue;
          assert.equal(step.expects.state, seen.state);
          assert.ok(step.expects.state === 'dead' ? policy.repairStale : policy.repairUnexpected);
          const later = steps.slice(index + 1).filter(({ path }) => path === step.path);
          assert.deepEqual(
            later.map(({ kind }) => kind),
            ['bind', 'verify'],
          );
          const outer = steps.findIndex(({ kind, path }) => kind === 'unmount' && isBelow(step.path, path));
          assert.ok(outer === -1 || outer > index, 'from the inside out');
        }
      }),
      { numRuns: 2000 },
    );
  });
});
