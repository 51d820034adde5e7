import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emptyMemory } from '../../src/core/recovery/memory.ts';
import { seeWorld } from '../../src/core/recovery/seen-world.ts';
import { formatLogLine, type Log } from '../../src/effects/log.ts';
import { logOpened, logPass, logPlan, logResults } from '../../src/recovery/log-pass.ts';
import type { RecoveryPass } from '../../src/recovery/run-recovery.ts';
import { bind } from '../core/recovery/worlds.ts';
import { Scene } from '../simulation/scene.ts';

const now = 1_700_000_000_000;
const seen = seeWorld(new Scene([bind('a')]).observe(emptyMemory));
const quiet: RecoveryPass = {
  outcome: {
    memory: emptyMemory,
    rounds: [],
    last: { steps: [], held: [], refusals: [], casualties: [] },
    seen,
    opened: null,
    closed: null,
  },
  afterwards: { jobs: { kind: 'afterwards', released: [], returned: [] }, worker: null },
  evidence: null,
};

function linesOf(say: (log: Log) => void): string[] {
  const lines: string[] = [];
  say((level, message, fields = {}) => {
    lines.push(`${level}: ${formatLogLine(message, fields)}`);
  });
  return lines;
}

test('all is well: nothing is said', () => {
  assert.deepEqual(
    linesOf((log) => {
      logPass(quiet, log, now);
    }),
    [],
  );
});

test('an incident is one line at its begin and one at its end, with what it was about', () => {
  const incident = {
    openedAtMs: now - 34_200,
    healthySinceMs: now - 30_000,
    paths: ['/jobs/a'],
    unproved: [],
  };
  const step = { kind: 'verify', path: '/jobs/a', because: '' } as const;
  const results = [{ step, outcome: 'done', error: null, durationMs: 120 }] as const;
  const evidence = { path: '/ops/evidence/x', files: [], durationMs: 1 };
  const pass: RecoveryPass = {
    ...quiet,
    evidence,
    outcome: {
      ...quiet.outcome,
      opened: incident,
      closed: incident,
    },
    afterwards: {
      jobs: { kind: 'afterwards', released: [{ jobId: 1, attempts: 2, path: '/jobs/a' }], returned: [] },
      worker: null,
    },
  };
  const lines = linesOf((log) => {
    logOpened(incident, seen.world, log);
    logPlan([step], log);
    logResults(results, log);
    logPass(pass, log, now);
  });
  assert.deepEqual(lines, [
    'warning: storage incident opened paths=/jobs/a jobs=1',
    'notice: recovery: plan steps="verify /jobs/a"',
    'notice: recovery: verify done path=/jobs/a seconds=0.12',
    'notice: recovery: job need not wait any more job=1 path=/jobs/a',
    'notice: evidence kept path=/ops/evidence/x',
    'notice: storage incident closed: everything is proved healthy seconds=4.2 paths=/jobs/a jobs=1',
  ]);
});
