import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { exampleConfiguration } from '../config/example.ts';
import type { Configuration } from '../config/schema.ts';
import { decideInstall, type InstallPlan, type InstallStep } from '../core/install/decide-install.ts';
import {
  type InstallSettings,
  parentOf,
  type ShippedFiles,
  wantedLayout,
  wantedUnits,
} from '../core/install/layout.ts';
import type { StepResult } from '../core/plan.ts';
import { applyInstall } from './apply-install.ts';
import { idsIfThere, observeInstall } from './observe-install.ts';
import { programRoot, releaseName } from './release.ts';

export interface InstallRun {
  readonly plan: InstallPlan;
  readonly results: readonly StepResult<InstallStep>[];
}

/** What is missing of an installation, with what is shipped beside this program. @throws OperatorError when it was not built */
export async function foreseeInstall(configuration: Configuration, manual: string): Promise<InstallPlan> {
  return (await look(installSettings(configuration), shippedFiles(manual))).plan;
}

/** Makes what is missing, unless something is in the way of it, and looks again: what is still missing then is a failure. */
export async function runInstall(configuration: Configuration, manual: string): Promise<InstallRun> {
  const settings = installSettings(configuration);
  const shipped = shippedFiles(manual);
  const results: StepResult<InstallStep>[] = [];
  let areAllTried = false;
  for (;;) {
    const { plan, world } = await look(settings, shipped);
    if (plan.steps.length === 0 || plan.refusals.length > 0) return { plan, results };
    if (areAllTried) return { plan, results: [...results, ...plan.steps.map(notVerified)] };
    // The user comes first, alone: whose numbers stand in a file is known only then.
    const users = plan.steps.filter(({ kind }) => kind === 'user');
    const isOnlyUser = users.length > 0 && results.length === 0;
    areAllTried = !isOnlyUser;
    results.push(...(await applyInstall(isOnlyUser ? users : plan.steps, world)));
    if (results.some(({ outcome }) => outcome === 'failed')) return { plan, results };
  }
}

async function look(settings: InstallSettings, shipped: ShippedFiles) {
  const ids = await idsIfThere(settings.user);
  const wanted = wantedLayout(settings, shipped, releaseName(), ids);
  const world = await observeInstall(wanted, Object.keys(wantedUnits(settings, shipped)));
  return { plan: decideInstall(world, wanted), world };
}

function notVerified(step: InstallStep): StepResult<InstallStep> {
  return { step, outcome: 'failed', error: 'it was done, and is not so', durationMs: 0 };
}

/** The file of a SQLite database; null for another one. */
export function sqliteFileOf({ database }: Pick<Configuration, 'database'>): string | null {
  return /^sqlite:(.*)$/.exec(database.url)?.[1] ?? null;
}

/** What of the configuration an installation depends on. */
export function installSettings(configuration: Configuration): InstallSettings {
  const { paths, storagebox, worker, crawler } = configuration;
  const file = sqliteFileOf(configuration);
  return {
    user: worker.user,
    databaseFolder: file === null ? null : parentOf(file),
    stateDir: paths.state_dir,
    jobsRoot: paths.jobs_root,
    sentinelDir: paths.sentinel_dir,
    textfileDir: paths.textfile_dir === '' ? null : paths.textfile_dir,
    deployLock: paths.deploy_lock,
    storageboxMount: storagebox.mount === '' ? null : storagebox.mount,
    workerUnit: worker.unit,
    relaxations: [
      ...(crawler.kind === 'container' ? (['containers'] as const) : []),
      ...(file === null ? (['network'] as const) : []),
    ],
    // A mount unit is systemd's own, of a line of fstab.
    storageboxUnit: storagebox.mount === '' || storagebox.unit.endsWith('.mount') ? null : storagebox.unit,
  };
}

/** What lies in `ops/` beside this program. @throws the file system's error: then the program itself is not whole */
export function shippedFiles(manual: string): ShippedFiles {
  const read = (name: string): string => readFileSync(join(programRoot, 'ops', name), 'utf8');
  const names = readdirSync(join(programRoot, 'ops/systemd'), { recursive: true, encoding: 'utf8' });
  const units = names.filter((name) =>
    /\.(service|timer|path)$|\.d\/(containers|network)\.conf\.example$/.test(name),
  );
  return {
    units: Object.fromEntries(units.map((name) => [name.replace(/\.example$/, ''), read(`systemd/${name}`)])),
    exampleConfiguration: exampleConfiguration(),
    storageboxEnvironment: read('storagebox.env.example'),
    alertRules: read('prometheus/healtharchive-alerts.yml'),
    manual,
  };
}
