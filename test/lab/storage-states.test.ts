/**
 * What `storage status` and `storage recover` say of every fault that a path can show. `npm run docs:storage-table` writes the
 * tables of docs/storage-faults.md and docs/storage-recovery.md from it; otherwise they must hold what is seen here and now.
 */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { labUnavailable } from '../../lab/requirements.ts';
import { waitFor } from '../../lab/wait-for.ts';
import { storageFaults, type StorageFault, type StorageLab } from './storage-fault-list.ts';
import { recoveryPlan, type PlannedRecovery } from './recover.ts';
import { compareTable, writeTable, type MeasuredTable, type Row } from './storage-table.ts';
import { storageStatus, withStorageLab, type SeenStatus, type StatusAnswer } from './storage-lab.ts';

/** The cache of sshfs (20 s) is the slowest to show anything. */
const seenWithinMs = 40_000;

interface SeenFault {
  readonly name: string;
  readonly states: readonly string[];
  /** From the fault to the answer that shows it, beyond what a look takes when all is well. */
  readonly seconds: number;
  readonly recovery: PlannedRecovery;
}

const statesTable: MeasuredTable = {
  page: 'storage-faults.md',
  header: ['fault', 'base', 'bind', 'own mount', 'seen after'],
  hasTimes: true,
};
const recoveryTable: MeasuredTable = {
  page: 'storage-recovery.md',
  header: ['fault', 'what recovery does, round by round', 'left alone'],
  hasTimes: false,
};

const unavailable = labUnavailable(['nft', 'fusermount3']);
const isUpdate = process.env['HEALTHARCHIVE_UPDATE_DOCS'] === '1';
/** Otherwise the first fault that shows each state; test/lab/faults.test.ts makes every one. */
const isFull = isUpdate || process.env['HEALTHARCHIVE_TEST_FULL'] === '1';
const chosen = isFull ? storageFaults : firstOfEachState(storageFaults);

function firstOfEachState(faults: readonly StorageFault[]): StorageFault[] {
  const shown = new Set<string>();
  return faults.filter(({ states }) => {
    const isNew = states.some((state) => !shown.has(state));
    for (const state of states) shown.add(state);
    return isNew;
  });
}

function partsOf({ base, hot_paths }: StatusAnswer, { bind, own }: StorageLab) {
  const hot = (path: string) => hot_paths.find((each) => each.path === path);
  return { base, bind: hot(bind), own: hot(own.path) };
}

async function observe(fault: StorageFault, lab: StorageLab): Promise<SeenFault> {
  const before = await storageStatus(lab.host);
  assert.deepEqual([before.exit, ...statesOf(before, lab)], [0, 'healthy', 'healthy', 'healthy']);
  await fault.inject(lab);
  const from = performance.now();
  const seen = await waitFor(
    fault.states.join(', '),
    async () => {
      const status = await storageStatus(lab.host);
      if (statesOf(status, lab).join() === fault.states.join()) return status;
      throw new Error(JSON.stringify(status.answer, null, 1));
    },
    seenWithinMs,
  );
  const seconds = (performance.now() - from - before.durationMs) / 1000;
  const isWell = fault.states.every((state) => state === 'healthy');
  assert.equal(seen.exit, isWell ? 0 : 3);
  assert.deepEqual([seen.answer.jobs_known, seen.answer.manifest_problems, seen.stderr], [true, [], '']);
  if (fault.says) {
    const [of, reason] = fault.says;
    assert.match(partsOf(seen.answer, lab)[of]?.reason ?? '', reason);
  }
  const recovery = await recoveryPlan(lab);
  return { name: fault.name, states: fault.states, seconds, recovery };
}

function statesOf({ answer }: SeenStatus, lab: StorageLab): (string | undefined)[] {
  const { base, bind, own } = partsOf(answer, lab);
  return [base?.state, bind?.state, own?.state];
}

// Most of the time is spent waiting for sshfs, so two at once; one, where times count.
describe('the state of every fault', { skip: unavailable, concurrency: isUpdate ? 1 : 2 }, () => {
  const seen = new Map<string, SeenFault>();
  for (const fault of chosen) {
    test(fault.name, () =>
      withStorageLab(fault.options ?? {}, async (lab) => {
        seen.set(fault.name, await observe(fault, lab));
      }),
    );
  }
  after(async () => {
    const rows = storageFaults.flatMap(({ name }) => seen.get(name) ?? []);
    // One that failed has said so already.
    if (rows.length < chosen.length) return;
    const isAll = rows.length === storageFaults.length;
    for (const [table, rowOf] of [
      [statesTable, statesRow],
      [recoveryTable, recoveryRow],
    ] as const) {
      if (isUpdate) await writeTable(table, rows.map(rowOf));
      else compareTable(table, rows.map(rowOf), isAll);
    }
  });
});

function statesRow(fault: SeenFault): Row {
  return [fault.name, ...fault.states, shownTime(fault)];
}

/** Rounded so that a busy machine shows nearly the same. */
function shownTime({ states, seconds }: SeenFault): string {
  if (states.every((state) => state === 'healthy')) return '–';
  return seconds < 2 ? 'at once' : `${Math.round(seconds)} s`;
}

function recoveryRow({ name, recovery: { rounds, left } }: SeenFault): Row {
  const planned = rounds.map((steps, index) => `${index + 1}. ${steps.join(', ')}`);
  return [name, planned.length === 0 ? '–' : planned.join(' '), left.length === 0 ? '–' : left.join(', ')];
}
