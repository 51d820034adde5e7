import assert from 'node:assert/strict';
import type { Expectation } from '../../src/core/storage/expectation.ts';
import type { StorageState } from '../../src/core/storage/path-state.ts';
import { observeStorage, type ObservedPath, type StorageReport } from '../../src/effects/storage-probe.ts';
import type { StorageBox } from './storage-box.ts';

export const nothing: Expectation = { kind: 'nothing' };

/** The bind, at `jobs/NAME`, of the directory `jobs/NAME` of the box that is mounted at `base`. */
export function bindOf(box: StorageBox, name: string): Expectation {
  return { kind: 'bind', mountPoint: box.path(`jobs/${name}`), coldPath: box.path(`base/jobs/${name}`) };
}

export function observe(
  box: StorageBox,
  paths: readonly (readonly [string, Expectation])[],
  probeTimeoutMs = 5000,
): Promise<StorageReport> {
  return observeStorage({
    base: { mount: box.path('base'), fstype: 'fuse.sshfs' },
    staleErrnos: ['ENOTCONN'],
    paths: paths.map(([name, expectation]) => ({ path: box.path(name), expectation })),
    probeTimeoutMs,
    stuckDir: box.path('run'),
  });
}

export function first(report: StorageReport): ObservedPath {
  const [path] = report.paths;
  assert.ok(path);
  return path;
}

/** Observes and compares all states at once, with the reasons in the message. */
export async function expectStates(
  box: StorageBox,
  paths: readonly (readonly [string, Expectation, StorageState, string?])[],
  base: StorageState,
): Promise<StorageReport> {
  const report = await observe(
    box,
    paths.map(([name, expectation]) => [name, expectation]),
  );
  assert.deepEqual(
    [report.base?.state, ...report.paths.map(({ state }) => state)],
    [base, ...paths.map(([, , state]) => state)],
    JSON.stringify(
      [report.base?.reason, ...report.paths.map(({ reason, errno }) => [reason, errno])],
      null,
      1,
    ),
  );
  for (const [index, [name, , , errno]] of paths.entries()) {
    if (errno !== undefined) assert.equal(report.paths[index]?.errno, errno, name);
  }
  return report;
}
