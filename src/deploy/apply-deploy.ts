import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import type { Configuration } from '../config/schema.ts';
import type { DeployStep, WantedRelease } from '../core/deploy/deploy-world.ts';
import { beginEntry, endEntry } from '../core/deploy/deploy-record.ts';
import { OperatorError } from '../core/errors.ts';
import { releases, unitFolder } from '../core/install/layout.ts';
import { must } from '../effects/command.ts';
import { syncFolder } from '../effects/small-file.ts';
import { unitStarts } from '../effects/systemd.ts';
import { outdatedUnits } from '../install/outdated-units.ts';
import { makeRelease } from '../install/release.ts';
import { currentRelease, unfinished } from '../install/releases.ts';
import { askRelease, programOf } from './ask-release.ts';
import type { RunBuildCommand } from './build-commands.ts';
import { changeRecord, waitingUnits } from './observe-deploy.ts';
import { type Health, prove } from './prove.ts';
import { restartWorker } from './restart-worker.ts';

/** What the steps of one deploy share. */
export interface Deployment {
  readonly configuration: Configuration;
  readonly wanted: WantedRelease;
  /** Of a release that works with the database as it is. */
  readonly before: string;
  /** The clean clone. */
  readonly source: string;
  /** Can be interrupted. */
  readonly run: RunBuildCommand;
  /** From where something is changed: it comes to its end. */
  readonly runOn: RunBuildCommand;
  readonly isForced: boolean;
  readonly health: Health;
}

const buildMs = 20 * 60_000;
const migrateMs = 10 * 60_000;

/**
 * Carries one step out.
 * @returns why it was left for later; null when it is done
 * @throws OperatorError, or the file system's error
 */
export async function carryOut(step: DeployStep, deployment: Deployment): Promise<string | null> {
  const { configuration, wanted, source, run, runOn, isForced, health } = deployment;
  const { user, unit } = configuration.worker;
  switch (step.kind) {
    case 'clean':
    case 'fetch':
      throw new Error('they come before the plan, which depends on what they bring');
    case 'build':
      await run([join(source, 'script/setup'), '--demo'], buildMs, { isGentle: true });
      return null;
    case 'check':
      await run(['npm', '--prefix', source, 'run', '--silent', 'check'], buildMs, { isGentle: true });
      return null;
    case 'release':
      await makeRelease(join(releases, wanted.name), source);
      return null;
    case 'try':
      await tryRelease(deployment);
      return null;
    case 'migrate':
      await runOn(['runuser', '-u', user, '--', programOf(wanted.name), 'db', 'migrate'], migrateMs);
      return null;
    case 'switch':
      await putInUse(deployment);
      return null;
    case 'restart':
      if (step.unit !== undefined) return await restartWorker(configuration, isForced);
      await restartOutdated();
      return null;
    case 'prove':
      await prove(runOn, wanted.name, unit, health);
      changeRecord((record) => endEntry(record, wanted.name, 'proved'));
      return null;
    case 'prune':
      removeRelease(step.release ?? '');
      return null;
  }
}

const schemaAnswer = z.object({ code_version: z.number(), oldest_code: z.number() });
const planAnswer = z.object({ refusals: z.array(z.object({ code: z.string(), because: z.string() })) });

/** Nothing is changed by it. */
async function tryRelease({ wanted, before, configuration, run }: Deployment): Promise<void> {
  const { user } = configuration.worker;
  // As the user of the worker, who must be able to read and run all of it.
  await run(['runuser', '-u', user, '--', programOf(wanted.name), '--version'], 60_000);
  const plan = await askRelease(run, wanted.name, ['ops', 'install'], { mayEndWith: [3] });
  const refused = planAnswer.parse(plan).refusals;
  if (refused.length > 0)
    throw new OperatorError(
      `its installation is refused: ${refused.map(({ because }) => because).join('; ')}.`,
    );
  const foresee = ['db', 'migrate', '--dry-run'];
  const [its, ours] = await Promise.all(
    [wanted.name, before].map(async (release) =>
      schemaAnswer.parse(await askRelease(run, release, foresee, { user })),
    ),
  );
  if (its !== undefined && ours !== undefined && its.oldest_code > ours.code_version)
    throw new OperatorError(
      `its migrations shut out release ${before}, which is in use: there would be no way back.`,
      'deploy a release in between first',
    );
}

/** The record comes first: a deploy that is broken off now is known to be unproved. */
async function putInUse({ wanted, runOn }: Deployment): Promise<void> {
  changeRecord((record) =>
    beginEntry(record, {
      release: wanted.name,
      before: currentRelease(),
      from: wanted.from,
      at: new Date().toISOString(),
    }),
  );
  await askRelease(runOn, wanted.name, ['ops', 'install', '--apply']);
  const current = currentRelease();
  if (current !== wanted.name)
    throw new OperatorError(`${current ?? 'nothing'} is in use after it, instead of ${wanted.name}.`);
}

async function restartOutdated(): Promise<void> {
  const units = outdatedUnits((await unitStarts(waitingUnits())) ?? []);
  if (units.length === 0) return;
  await must(['systemctl', 'restart', '--', ...units]);
  const starts = await unitStarts(units);
  const still = starts === null ? units : outdatedUnits(starts);
  if (still.length > 0) throw new OperatorError(`${still.join(', ')} did not start anew (${unitFolder}).`);
}

/** Its name goes first, so that a removal that is broken off leaves no half of a release behind. */
function removeRelease(name: string): void {
  if (!/^[\w.+-]+$/.test(name)) throw new OperatorError(`${name} is no name of a release.`);
  const path = join(releases, name);
  renameSync(path, `${path}${unfinished}`);
  syncFolder(releases);
  rmSync(`${path}${unfinished}`, { recursive: true, force: true });
}
