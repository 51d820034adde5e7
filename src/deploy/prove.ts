import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { OperatorError } from '../core/errors.ts';
import { command } from '../core/install/layout.ts';
import { unitActivity } from '../core/units/unit-state.ts';
import { showUnits } from '../effects/systemd.ts';
import { askRelease } from './ask-release.ts';
import type { RunBuildCommand } from './build-commands.ts';

/** What of `ops verify` a release itself can spoil. Storage and the like break by themselves, and a deploy is no cure for them. */
export const spoilable = [
  'configuration',
  'user',
  'program',
  'database',
  'folders',
  'units',
  'units_failed',
  'units_not_read',
];

const verification = z.object({
  checks: z.array(z.object({ code: z.string(), ok: z.boolean(), detail: z.string() })),
});

/** What was well or not before a release was put in use. */
export interface Health {
  /** Codes of `ops verify` that did not hold. */
  readonly offBefore: ReadonlySet<string>;
  readonly wasWorkerUp: boolean;
}

/** A worker that comes up and ends again does so within its first seconds. */
const settleMs = 5000;
const answerMs = 60_000;
/** Nothing to do, something to look at, switched off: all of it is an answer. */
const dryRunEnds = [3, 5];

/** What does not hold as a release sees it. @throws OperatorError when it does not answer */
export async function whatIsOff(
  run: RunBuildCommand,
  release: string,
): Promise<readonly { readonly code: string; readonly detail: string }[]> {
  const document = await askRelease(run, release, ['ops', 'verify'], { mayEndWith: [3, 4] });
  const answer = verification.safeParse(document);
  if (!answer.success)
    throw new OperatorError(`ops verify of release ${release} gave an answer of another form.`);
  return answer.data.checks.filter(({ ok }) => !ok);
}

/**
 * Whether all is as well with the release in use as it was before: the command answers, verification finds nothing new that the program could be
 * to blame for, each automation's dry run comes to its end, and a worker that was up is up and stays so.
 * @throws OperatorError that says what is not
 */
export async function prove(
  run: RunBuildCommand,
  release: string,
  workerUnit: string,
  { offBefore, wasWorkerUp }: Health,
): Promise<void> {
  await run([command, '--version'], answerMs);
  await Promise.all([answers(run, release, offBefore), wasWorkerUp ? stays(workerUnit) : null]);
}

async function answers(run: RunBuildCommand, release: string, offBefore: Health['offBefore']): Promise<void> {
  for (const dryRun of [
    ['storage', 'recover'],
    ['worker', 'auto-start'],
    ['storage', 'tier'],
  ])
    await askRelease(run, release, dryRun, { mayEndWith: dryRunEnds });
  const off = await whatIsOff(run, release);
  const spoiled = off.filter(({ code }) => spoilable.includes(code) && !offBefore.has(code));
  if (spoiled.length > 0)
    throw new OperatorError(
      `ops verify: ${spoiled.map(({ code, detail }) => `${code}: ${detail}`).join('; ')}.`,
    );
}

async function stays(unit: string): Promise<void> {
  const [before = null] = await showUnits([unit]);
  await sleep(settleMs);
  const [after = null] = await showUnits([unit]);
  // Restart=always: what ends by itself is started again, or has failed. An operator has stopped it, and may.
  if (after?.active === 'inactive') return;
  const isUp = after !== null && unitActivity(after) === 'running';
  if (isUp && before?.invocationId === after.invocationId) return;
  const how = after === null ? 'systemd does not answer' : `${after.active}, ${after.sub}`;
  throw new OperatorError(`${unit} does not stay up (${how}).`, `journalctl -n 40 -u ${unit}`);
}
