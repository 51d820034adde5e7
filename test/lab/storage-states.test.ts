/**
 * What `storage status` says of every fault that a path can show. `npm run docs:storage-table` writes the table of
 * docs/storage-faults.md from it; otherwise that table must hold the states that are seen here and now.
 */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { labUnavailable } from '../../lab/requirements.ts';
import { waitFor } from '../../lab/wait-for.ts';
import { storageFaults, type StorageFault, type StorageLab } from './storage-fault-list.ts';
import { compareStorageTable, writeStorageTable, type SeenFault } from './storage-table.ts';
import { storageStatus, withStorageLab, type SeenStatus, type StatusAnswer } from './storage-lab.ts';

/** The cache of sshfs (20 s) is the slowest to show anything. */
const seenWithinMs = 40_000;

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
  return { name: fault.name, states: fault.states, seconds };
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
    if (rows.length < storageFaults.length) return;
    if (isUpdate) await writeStorageTable(rows);
    else await compareStorageTable(rows);
  });
});
