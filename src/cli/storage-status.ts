import type { Command } from 'commander';
import type { Configuration } from '../config/schema.ts';
import { coldPathOf } from '../core/storage/expectation.ts';
import type { BaseReport } from '../core/storage/base.ts';
import type { ManifestProblem } from '../core/storage/manifest.ts';
import { stateAdvice, urgency } from '../core/storage/state-advice.ts';
import { wantedPaths, type WantedPath } from '../core/storage/wanted-paths.ts';
import { escapeForTerminal } from '../core/text/escape.ts';
import type { ObservedPath } from '../effects/storage-probe.ts';
import { readManifest } from '../hot-paths/manifest-file.ts';
import { observeConfigured } from '../hot-paths/observe.ts';
import { withHelp } from './command.ts';
import { jobsIfKnown, type JobsIfKnown } from './jobs-if-known.ts';
import { readConfiguration, type GlobalOptions } from './session.ts';
import { formatTable } from './table.ts';
import type { Terminal } from './terminal.ts';

/** Everything the answer is made of. */
interface SeenStorage {
  readonly base: BaseReport | null;
  readonly paths: readonly (readonly [WantedPath, ObservedPath])[];
  readonly problems: readonly ManifestProblem[];
  readonly jobs: JobsIfKnown;
}

export function addStorageStatus(storage: Command, terminal: Terminal): void {
  const command = storage
    .command('status')
    .description('the true state of the storage box and of every hot path')
    .option('--json', 'answer as JSON')
    .action(async (_options, self: Command) => {
      const options = self.optsWithGlobals<GlobalOptions>();
      const seen = await look(readConfiguration(options, terminal));
      if (!seen.jobs.isKnown) terminal.say(`healtharchive: the jobs are not known: ${seen.jobs.because}`);
      if (options.json === true) terminal.answerJson(statusJson(seen));
      else for (const line of describe(seen)) terminal.answer(line);
      if (needsAttention(seen)) terminal.exitStatus = 'attention';
    });
  withHelp(command, {
    examples: [
      ['storage status', 'what is wrong comes first, with what to run next'],
      ['storage status --json', 'for scripts'],
    ],
    exits: ['configuration', 'failed', 'attention'],
  });
}

async function look(configuration: Configuration): Promise<SeenStorage> {
  const manifest = readManifest(configuration);
  const jobs = await jobsIfKnown(configuration);
  const known = jobs.isKnown ? jobs.jobs : [];
  const year = new Date().getUTCFullYear();
  const wanted = wantedPaths(known, manifest.entries, configuration.hot_mounts, year);
  const report = await observeConfigured(configuration, manifest.entries, wanted);
  const paths = wanted.flatMap((want, index) => {
    const path = report.paths[index];
    return path === undefined ? [] : [[want, path] as const];
  });
  return { base: report.base, paths, problems: manifest.problems, jobs };
}

function needsAttention({ base, paths, problems }: SeenStorage): boolean {
  if (problems.length > 0 || (base !== null && base.state !== 'healthy')) return true;
  return paths.some(([, path]) => path.state !== 'healthy');
}

function statusJson({ base, paths, problems, jobs }: SeenStorage): Record<string, unknown> {
  return {
    base:
      base === null ? null : { path: base.path, state: base.state, errno: base.errno, reason: base.reason },
    hot_paths: paths.map(([want, path]) => ({
      path: path.path,
      state: path.state,
      errno: path.errno,
      reason: path.reason,
      cold_path: coldPathOf(path.canonicalPath, path.expectation),
      tiered: path.expectation.kind === 'bind' || path.expectation.kind === 'unplaceable',
      mount: path.mount,
      jobs: want.jobs,
      in_manifest: want.isInManifest,
    })),
    manifest_problems: problems,
    jobs_known: jobs.isKnown,
  };
}

function describe({ base, paths, problems, jobs }: SeenStorage): string[] {
  const lines = base === null ? ['There is no storage box in the configuration.'] : describeBase(base);
  for (const { line, message } of problems) {
    lines.push(`manifest${line === null ? '' : `, line ${line}`}: ${escapeForTerminal(message)}`);
  }
  const ordered = [...paths].sort(([, a], [, b]) => urgency.indexOf(a.state) - urgency.indexOf(b.state));
  const rows = ordered.map(([want, path]) => [
    path.state,
    escapeForTerminal(path.path),
    whoNeeds(want, jobs),
    escapeForTerminal(path.reason),
  ]);
  lines.push(
    '',
    ...(rows.length === 0
      ? ['Nobody needs a hot path.']
      : formatTable(['STATE', 'PATH', 'NEEDED BY', 'SEEN'], rows)),
  );
  const states = [...new Set(ordered.map(([, path]) => path.state))].filter((state) => state !== 'healthy');
  for (const state of states) lines.push('', ...advice(state));
  return lines;
}

function describeBase(base: BaseReport): string[] {
  const head = `${base.state.padEnd(12)}  ${escapeForTerminal(base.path)}  (the storage box): ${escapeForTerminal(base.reason)}`;
  return base.state === 'healthy' ? [head] : [head, ...advice(base.state)];
}

function advice(state: keyof typeof stateAdvice): string[] {
  const { meaning, next } = stateAdvice[state];
  return [`${state}: ${meaning}.`, ...(next === null ? [] : [`  next: ${next}`])];
}

function whoNeeds(want: WantedPath, jobs: JobsIfKnown): string {
  const who = [
    ...(want.jobs.length > 0 ? [`job ${want.jobs.join(', ')}`] : []),
    ...(want.isInManifest ? ['manifest'] : []),
  ];
  if (who.length > 0) return who.join('; ');
  return jobs.isKnown ? 'configuration' : 'not known';
}
