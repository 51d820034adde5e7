/** What a lab host can't be, or is only after hours; and the order of it all. What it can be is in test/lab/verify.test.ts. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { answerOf, checks, type CheckCode, type Finding } from '../../../src/core/verify/checks.ts';
import { hostFindings, type HostFacts } from '../../../src/core/verify/host-checks.ts';
import { otherFindings, type OtherFacts } from '../../../src/core/verify/other-checks.ts';
import { reportFindings, type ReportFacts } from '../../../src/core/verify/report-checks.ts';
import {
  knownHostName,
  parseStorageboxSettings,
  settingsFindings,
  type SettingsFacts,
} from '../../../src/core/verify/storagebox-settings.ts';
import { storageFindings, type StorageFacts } from '../../../src/core/verify/storage-checks.ts';
import { unitFindings, type ExpectedUnit, type SeenUnit } from '../../../src/core/verify/unit-checks.ts';

const codes = Object.keys(checks) as CheckCode[];
const found = (findings: readonly Finding[]): string[] =>
  findings.map(({ code, detail }) => `${code}: ${detail}`);

describe('the answer', () => {
  test('property: the most serious is first, what was not looked at is not told, and nothing is told twice as well', () => {
    const rank = { critical: 0, warning: 1, notice: 2 };
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...codes)),
        fc.uniqueArray(fc.constantFrom(...codes)),
        (off, looked) => {
          const findings = off.map((code, index) => ({ code, detail: `${index}`, fix: null }));
          const answer = answerOf(findings, new Set(looked));
          const ranks = answer.filter(({ ok }) => !ok).map(({ severity }) => rank[severity]);
          assert.deepEqual(
            ranks,
            ranks.toSorted((a, b) => a - b),
          );
          assert.equal(ranks.length, off.length);
          const holding = answer.filter(({ ok }) => ok).map(({ code }) => code);
          assert.deepEqual(new Set(holding), new Set(looked.filter((code) => !off.includes(code))));
          assert.deepEqual(
            answer.map(({ ok }) => ok),
            answer.map(({ ok }) => ok).toSorted((a, b) => Number(a) - Number(b)),
          );
        },
      ),
    );
  });

  test('the registry itself goes from critical to notice', () => {
    const severities = Object.values(checks).map(({ severity }) => severity);
    const rank = ['critical', 'warning', 'notice'];
    assert.deepEqual(
      severities,
      severities.toSorted((a, b) => rank.indexOf(a) - rank.indexOf(b)),
    );
  });
});

describe('units', () => {
  const well: SeenUnit = {
    unit: 'x.timer',
    load: 'loaded',
    active: 'active',
    sub: 'waiting',
    fileState: 'enabled',
    invocationId: '',
    restarts: 0,
    needsReload: false,
    sinceTriggerMs: 20_000,
    inStateMs: 3_600_000,
  };
  const timer: ExpectedUnit = { unit: 'x.timer', kind: 'timer', everySeconds: 30 };
  const base: ExpectedUnit = { unit: 'x.timer', kind: 'service', code: 'base_unit' };
  const cases: readonly (readonly [string, ExpectedUnit, Partial<SeenUnit>, readonly RegExp[]])[] = [
    ['well', timer, {}, []],
    [
      'a timer that hangs on its service',
      timer,
      { sinceTriggerMs: 11 * 60_000 },
      [/^timers: .* 11 minutes ago/],
    ],
    ['a timer that has not begun yet', timer, { sinceTriggerMs: null, inStateMs: 5000 }, []],
    ['a timer that never began', timer, { sinceTriggerMs: null }, [/^timers: .* 60 minutes ago/]],
    [
      'a base that tries again and again',
      base,
      { active: 'activating', sub: 'auto-restart' },
      [/^base_unit: .*auto-restart/],
    ],
    ['a base that has failed', base, { active: 'failed' }, [/^base_unit: .*has failed/]],
    ['disabled and down', base, { active: 'inactive', fileState: 'disabled' }, [/disabled/, /is inactive/]],
    ['not installed: told elsewhere', base, { load: 'not-found', active: 'inactive' }, []],
  ];
  for (const [name, expected, seen, messages] of cases)
    test(name, () => {
      const findings = found(unitFindings([expected], new Map([['x.timer', { ...well, ...seen }]])));
      assert.equal(findings.length, messages.length, findings.join('\n'));
      for (const [index, message] of messages.entries()) assert.match(findings[index] ?? '', message);
    });

  test('systemd that does not answer is no reason to say that all is well', () => {
    assert.match(found(unitFindings([timer], null)).join(), /does not answer/);
  });
});

describe('storage', () => {
  const facts: StorageFacts = {
    user: 'healtharchive',
    base: {
      path: '/box',
      state: 'healthy',
      reason: '',
      unit: 'box.service',
      options: ['rw', 'allow_other'],
      fstype: 'fuse.sshfs',
    },
    refused: null,
    paths: [],
    writes: [],
    shadowed: [],
    foreign: [],
    manifestProblems: [],
    manifest: '/binds',
    baseFreePercent: 50,
  };
  const base = facts.base;
  assert.ok(base !== null);
  const cases: readonly (readonly [string, Partial<StorageFacts>, readonly RegExp[]])[] = [
    ['well', {}, []],
    [
      'mounted by hand, for root alone',
      { base: { ...base, options: ['rw'] } },
      [/^allow_other: .*user healtharchive/],
    ],
    ['NFS has no such option', { base: { ...base, options: ['rw'], fstype: 'nfs4' } }, []],
    ['nearly full', { baseFreePercent: 3 }, [/^storagebox_space: .*3\.0 %/]],
    [
      'refused by the server',
      {
        base: { ...base, state: 'missing' },
        refused: { meaning: 'the login is refused', next: 'put the key there', line: 'Permission denied' },
      },
      [/^base: .*the login is refused \(Permission denied\)/],
    ],
    ['no box at all', { base: null, baseFreePercent: null }, []],
  ];
  for (const [name, more, messages] of cases)
    test(name, () => {
      const findings = found(storageFindings({ ...facts, ...more }));
      assert.equal(findings.length, messages.length, findings.join('\n'));
      for (const [index, message] of messages.entries()) assert.match(findings[index] ?? '', message);
    });
});

describe('settings of the box', () => {
  test('lines as systemd reads them: comments, quotes, what is missing', () => {
    const text =
      '# x\nSTORAGEBOX_SOURCE="u1@box.lan:files"\n  STORAGEBOX_OPTIONS=reconnect,port=23,,uid=9\nOTHER=1\n';
    const settings = parseStorageboxSettings(text);
    assert.deepEqual(settings, {
      source: 'u1@box.lan:files',
      mount: '/srv/healtharchive/storagebox',
      options: ['reconnect', 'port=23', 'uid=9'],
    });
    assert.equal(knownHostName(settings), '[box.lan]:23');
  });

  for (const [source, options, name] of [
    ['u@box:', [], 'box'],
    ['box:dir', ['port=22'], 'box'],
    ['u@[2001:db8::1]:dir', ['port=23'], '[2001:db8::1]:23'],
    ['/somewhere', [], null],
  ] as const)
    test(`known_hosts names ${source} ${String(name)}`, () => {
      assert.equal(knownHostName({ source, mount: '', options }), name);
    });

  test('what the example lacks only the server', () => {
    const facts: SettingsFacts = {
      file: '/env',
      settings: {
        source: 'u1@box.lan:files',
        mount: '/box',
        options: [
          'reconnect',
          'allow_other',
          'BatchMode=yes',
          'uid=9',
          'IdentityFile=/key',
          'UserKnownHostsFile=/known',
        ],
      },
      mount: '/box',
      userIds: { uid: 9, gid: 9 },
      key: { uid: 0, mode: 0o600 },
      isHostKnown: true,
    };
    assert.deepEqual(settingsFindings(facts), []);
    assert.match(
      found(settingsFindings({ ...facts, key: { uid: 9, mode: 0o600 } })).join(),
      /^storagebox_key: /,
    );
    assert.match(found(settingsFindings({ ...facts, isHostKnown: null })).join(), /\/known is not there/);
    assert.deepEqual(settingsFindings({ ...facts, settings: null }), []);
  });
});

describe('host, reports and the rest', () => {
  const host: HostFacts = {
    nowMs: 1e12,
    disks: [{ path: '/srv', freePercent: 40 }],
    minFreePercent: 15,
    deployLock: 'free',
    deployLockPath: '/lock',
    deployLockAgeMs: null,
    access: [],
    oddFiles: [],
    isSynchronised: true,
    latestStampMs: 1e12 - 5000,
  };
  const reports: ReportFacts = {
    textfiles: {
      folder: '/prom',
      ageMs: 1000,
      exporter: { user: 'prometheus', folder: '/prom', isReadable: true },
    },
    areRulesLoaded: true,
    rulesFile: '/rules.yml',
  };
  const other: OtherFacts = {
    switches: { recovery: 'on', 'auto-start': 'on' },
    sentinelDir: '/etc/healtharchive',
    database: null,
    crawlerProblem: null,
    workerRelease: '1',
    currentRelease: '1',
    unfinishedReleases: [],
    isCurrentUnproved: false,
    outdatedUnits: [],
    isDeploying: false,
  };
  test('where all is well, nothing is found', () => {
    assert.deepEqual([...hostFindings(host), ...reportFindings(reports), ...otherFindings(other)], []);
    const unknown = { isSynchronised: null, latestStampMs: null };
    assert.deepEqual(hostFindings({ ...host, ...unknown }), []);
    assert.deepEqual(reportFindings({ ...reports, textfiles: null, areRulesLoaded: null }), []);
  });
  for (const [name, findings, message] of [
    ['no time server', hostFindings({ ...host, isSynchronised: false }), /^clock: no time server/],
    ['the clock a little behind a file', hostFindings({ ...host, latestStampMs: 1e12 + 30_000 }), null],
    [
      'node_exporter with Debian’s folder',
      reportFindings({
        ...reports,
        textfiles: {
          folder: '/prom',
          ageMs: 0,
          exporter: { user: 'p', folder: '/var/lib/prometheus', isReadable: true },
        },
      }),
      /^textfiles: node_exporter reads \/var\/lib\/prometheus/,
    ],
    [
      'a worker of the release before',
      otherFindings({ ...other, workerRelease: '0' }),
      /^deploy_left: .*still runs release 0/,
    ],
    ['no worker to ask', otherFindings({ ...other, workerRelease: null }), null],
  ] as const)
    test(name, () => {
      if (message === null) assert.deepEqual(findings, []);
      else assert.match(found(findings).join('\n'), message);
    });
});
