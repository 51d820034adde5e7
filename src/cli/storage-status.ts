import type { Command } from 'commander';
import type { BaseReport } from '../core/storage/base.ts';
import { coldPathOf } from '../core/storage/expectation.ts';
import type { Shadowed } from '../core/storage/shadowed-data.ts';
import { escapeForTerminal } from '../core/text/escape.ts';
import { userIds } from '../effects/user-ids.ts';
import { surveyHotPaths, type Survey, type SurveyedPath } from '../hot-paths/survey.ts';
import { withHelp } from './help.ts';
import { operatorName, readConfiguration, type GlobalOptions } from './session.ts';
import { describeSurvey, needsAttention } from './storage-status-page.ts';
import { paint, type Style } from './table.ts';
import { pageWidth, type Terminal } from './terminal.ts';

export function addStorageStatus(storage: Command, terminal: Terminal): void {
  const command = storage
    .command('status')
    .description('the true state of the storage box and of every hot path')
    .option('--json', 'answer as JSON')
    .action(async (_options, self: Command) => {
      const options = self.optsWithGlobals<GlobalOptions>();
      const configuration = readConfiguration(options, terminal);
      const survey = await surveyHotPaths(configuration, Date.now());
      if (options.json === true) {
        if (!survey.jobs.isKnown)
          terminal.say(`healtharchive: the jobs are not known: ${escapeForTerminal(survey.jobs.because)}`);
        terminal.answerJson(surveyJson(survey));
      } else {
        const asker = await askerBesides(configuration.worker.user, terminal.environment);
        for (const line of describeSurvey(survey, configuration, pageWidth(terminal), asker))
          terminal.answer(withColour(terminal, line));
      }
      if (needsAttention(survey)) terminal.exitStatus = 'attention';
    });
  withHelp(command, {
    examples: [
      ['storage status', 'what is wrong comes first, with what to run next'],
      ['storage status --json', 'for scripts'],
    ],
    exits: ['configuration', 'failed', 'attention'],
  });
}

/** The headings are words in capitals: what is well in green, the rest in red. */
function withColour(terminal: Terminal, line: string): string {
  const [heading = ''] = /^[A-Z]{2,}(?: [A-Z]{2,})*\b/.exec(line) ?? [];
  if (heading === '') return line;
  const style: Style = heading === 'HEALTHY' || heading === 'OK' ? 'green' : ['bold', 'red'];
  return paint(terminal, style, heading) + line.slice(heading.length);
}

/** The user who asks, whose rights are judged then; null for root and for the worker's own user. */
async function askerBesides(workerUser: string, environment: NodeJS.ProcessEnv): Promise<string | null> {
  const uid = process.geteuid?.() ?? 0;
  if (uid === 0) return null;
  const isWorker = await userIds(workerUser).then(
    (ids) => ids.uid === uid,
    () => false,
  );
  return isWorker ? null : operatorName(environment);
}

function surveyJson(survey: Survey): Record<string, unknown> {
  const { base, paths, manifestProblems, jobs } = survey;
  return {
    base: base === null ? null : baseJson(base, survey),
    refused_units: [...survey.refused].map(([unit, { obstacle, line }]) => ({ unit, obstacle, line })),
    hot_paths: paths.map((path) => hotPathJson(path, survey)),
    manifest_problems: manifestProblems,
    jobs_known: jobs.isKnown,
    jobs_unknown_because: jobs.isKnown ? null : jobs.because,
  };
}

function baseJson({ path, state, errno, reason, mount }: BaseReport, { baseSpace }: Survey) {
  const free_bytes = baseSpace?.bytes ?? null;
  const free_percent = baseSpace === null ? null : Math.round(baseSpace.percent * 10) / 10;
  return { path, state, errno, reason, mount, free_bytes, free_percent };
}

function hotPathJson(path: SurveyedPath, survey: Survey): Record<string, unknown> {
  const { want, seen } = path;
  const parked = path.jobs.filter((job) => job.parked !== null);
  return {
    path: seen.path,
    state: seen.state,
    errno: seen.errno,
    reason: seen.reason,
    cold_path: coldPathOf(seen.canonicalPath, seen.expectation),
    tiered: seen.expectation.kind === 'bind' || seen.expectation.kind === 'unplaceable',
    mount: seen.mount,
    jobs: want.jobs,
    parked_jobs: parked.map(({ id }) => id),
    parked: parked.map(({ id, parked: why }) => ({
      job: id,
      reason: why?.reason,
      detail: why?.detail,
      since: why === null ? null : new Date(why.sinceMs).toISOString(),
    })),
    in_manifest: want.isInManifest,
    foreign_mounts: survey.foreign.get(seen.canonicalPath) ?? [],
    shadowed: shadowedJson(survey.shadowed.get(seen.canonicalPath)),
  };
}

function shadowedJson(shadowed: Shadowed | undefined): Record<string, unknown> | null {
  if (shadowed === undefined) return null;
  if (shadowed.kind !== 'files') return { files: null, bytes: null, unknown_because: shadowed.because };
  return { files: shadowed.files, bytes: shadowed.bytes, is_at_least: shadowed.isAtLeast };
}
