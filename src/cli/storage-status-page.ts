import type { Configuration } from '../config/schema.ts';
import { ownUserName } from '../effects/user-ids.ts';
import { lookedUpInTime } from '../core/storage/judge.ts';
import type { StorageState } from '../core/storage/path-state.ts';
import {
  meaningOfState,
  nextSteps,
  urgency,
  type NextStep,
  type PathRole,
} from '../core/storage/state-advice.ts';
import { escapeForTerminal } from '../core/text/escape.ts';
import { wrap } from '../core/text/wrap.ts';
import type { ObservedPath } from '../effects/storage-probe.ts';
import type { Survey, SurveyedPath } from '../hot-paths/survey.ts';
import { andMore, describeSteps, labelled, maxListed, pathLine } from './storage-status-layout.ts';
import {
  describeForeign,
  describeManifest,
  describeRefusal,
  describeShadowedPaths,
  describeUnknownJobs,
} from './storage-status-sections.ts';
import { formatBytes, formatTime } from './table.ts';

/*
 * `storage status` as a person reads it: one sentence on the whole, then what is wrong, state by state, each with its
 * meaning and with what to run next, then what is well.
 */

const maxJobsNamed = 3;
/** A longer path has a line for itself. */
const maxPathColumn = 60;

/** The storage box or a hot path, ready to be shown: all text is escaped. */
interface Line {
  readonly state: StorageState;
  readonly path: string;
  readonly who: string;
  readonly seen: string;
  readonly role: PathRole;
  readonly unit: string | null;
}

/** @param asker the user who asks, where that is neither root nor the worker's; else null */
export function describeSurvey(
  survey: Survey,
  configuration: Configuration,
  width: number,
  asker: string | null,
): string[] {
  const lines = linesOf(survey, configuration);
  const parked = survey.paths.filter(isParkedThough);
  const column = Math.min(maxPathColumn, Math.max(0, ...lines.map(({ path }) => path.length)));
  const page: string[] = wrap(headline(survey, parked.length), width);
  if (!survey.jobs.isKnown) page.push('', ...describeUnknownJobs(survey.jobs, width));
  if (survey.manifestProblems.length > 0) page.push('', ...describeManifest(survey, configuration, width));
  for (const [unit, refusal] of survey.refused) page.push('', ...describeRefusal(unit, refusal, width));
  const about = { survey, column, width, asker, workerUser: configuration.worker.user };
  for (const group of groupsOf(lines.filter(({ state }) => state !== 'healthy')))
    page.push('', ...describeGroup(group, about));
  if (parked.length > 0) page.push('', ...describeParked(parked, column, width, configuration.worker.user));
  if (survey.foreign.size > 0) page.push('', ...describeForeign(survey, width));
  if (survey.shadowed.size > 0) page.push(...describeShadowedPaths(survey, column, width));
  const parkedPaths = new Set(parked.map(({ seen }) => escapeForTerminal(seen.path)));
  const healthy = lines.filter(({ state, path }) => state === 'healthy' && !parkedPaths.has(path));
  if (healthy.length > 0) page.push('', ...describeHealthy(healthy, column, needsAttention(survey)));
  return page;
}

/** That there was no time to count is no news. */
function hasShadowed(shadowed: Survey['shadowed']): boolean {
  return [...shadowed.values()].some(({ kind }) => kind !== 'uncounted');
}

/** Whether anything is there that a person should look at. */
export function needsAttention(survey: Survey): boolean {
  const { base, paths, manifestProblems, jobs, shadowed, foreign } = survey;
  if (
    hasShadowed(shadowed) ||
    foreign.size > 0 ||
    manifestProblems.length > 0 ||
    !jobs.isKnown ||
    (base !== null && base.state !== 'healthy')
  )
    return true;
  return paths.some(({ seen }) => seen.state !== 'healthy') || paths.some(isParkedThough);
}

/** It answers whoever asks now; the worker, as another user, elsewhere or by writing, has found it otherwise. */
function isParkedThough({ seen, jobs }: SurveyedPath): boolean {
  return seen.state === 'healthy' && jobs.some(({ parked }) => parked !== null);
}

function linesOf(survey: Survey, { storagebox }: Configuration): Line[] {
  const { base, baseSpace, paths } = survey;
  const boxLine: Line[] =
    base === null
      ? []
      : [
          {
            state: base.state,
            path: escapeForTerminal(base.path),
            who: `the storage box${baseSpace === null ? '' : `, ${formatBytes(baseSpace.bytes)} free`}`,
            seen: escapeForTerminal(base.reason),
            role: 'base',
            unit: storagebox.unit,
          },
        ];
  const hotLines = paths.map((path): Line => {
    const { seen } = path;
    const role = isGoneInside(seen) ? 'other' : roleOf(seen.expectation.kind);
    return {
      state: seen.state,
      path: escapeForTerminal(seen.path),
      who: whoNeeds(path),
      // What the storage box says of itself need not be said again of each of its binds.
      seen: escapeForTerminal(
        base !== null && seen.reason === `${base.reason}, seen at ${base.path}` ? base.reason : seen.reason,
      ),
      role,
      unit:
        seen.expectation.kind === 'mount' ? seen.expectation.unit : role === 'bind' ? storagebox.unit : null,
    };
  });
  return [...boxLine, ...hotLines];
}

/** The mount is what it should be; what is missing lay in it. */
function isGoneInside({ state, coveredBy, expectation }: ObservedPath): boolean {
  if (state !== 'missing') return false;
  return (
    (expectation.kind === 'bind' || expectation.kind === 'mount') && coveredBy === expectation.mountPoint
  );
}

function roleOf(kind: SurveyedPath['seen']['expectation']['kind']): PathRole {
  switch (kind) {
    case 'bind':
    case 'unplaceable':
      return 'bind';
    case 'mount':
      return 'unit';
    case 'identity':
    case 'nothing':
      return 'other';
  }
}

function whoNeeds({ jobs, want, seen }: SurveyedPath): string {
  const named = jobs
    .slice(0, maxJobsNamed)
    .map(({ id, status, parked }) => `job ${id} (${status}${parked === null ? '' : ', parked'})`);
  return [
    ...named,
    ...(jobs.length > maxJobsNamed ? [`${jobs.length - maxJobsNamed} more jobs`] : []),
    ...(want.isInManifest ? ['manifest'] : []),
    ...(seen.expectation.kind === 'mount' ? [seen.expectation.unit] : []),
  ].join(', ');
}

function headline(survey: Survey, parkedCount: number): string {
  const { base, paths } = survey;
  const bad = paths.filter(({ seen }) => seen.state !== 'healthy').length + parkedCount;
  const many = paths.length === 1 ? '1 hot path' : `${paths.length} hot paths`;
  if (!needsAttention(survey)) {
    const box = base === null ? 'no storage box is configured' : 'the storage box is healthy';
    if (paths.length === 0) return `All is well: ${box}, and nobody needs a hot path.`;
    if (base === null) return `All is well: ${many}, all healthy (${box}).`;
    return `All is well: the storage box and ${many}, all healthy.`;
  }
  const box = base === null ? [] : [`storage box ${base.state}`];
  const hot = paths.length === 0 ? 'no hot path known' : `${bad} of ${many} not well`;
  const more = [
    ...(survey.jobs.isKnown ? [] : ['jobs not known']),
    ...(survey.manifestProblems.length > 0 ? ['manifest not in order'] : []),
    ...(survey.foreign.size > 0 ? ['a mount inside a hot path'] : []),
    ...(hasShadowed(survey.shadowed) ? ['files under a mount'] : []),
  ];
  return `ATTENTION: ${[...box, hot, ...more].join(', ')}.`;
}

/** By state; that of the storage box first, because the others may only follow from it. */
function groupsOf(lines: readonly Line[]): Line[][] {
  const groups = urgency
    .map((state) => lines.filter((line) => line.state === state))
    .filter((group) => group.length > 0);
  return groups.sort((a, b) => Number(hasBase(b)) - Number(hasBase(a)));
}

function hasBase(group: readonly Line[]): boolean {
  return group.some(({ role }) => role === 'base');
}

interface About {
  readonly survey: Survey;
  readonly column: number;
  readonly width: number;
  readonly asker: string | null;
  readonly workerUser: string;
}

function describeGroup(group: readonly Line[], about: About): string[] {
  const { survey, column, width, asker, workerUser } = about;
  const state = group[0]?.state ?? 'unknown';
  const isBaseHealthy = survey.base === null || survey.base.state === 'healthy';
  const isOfAsker = state === 'denied' && asker !== null;
  const meaning = meaningOf(state, group, about);
  const reasons = new Set(group.map(({ seen }) => seen));
  const isOneReason = reasons.size === 1;
  const listed = group
    .slice(0, maxListed)
    .flatMap((line) => [
      pathLine(line, column),
      ...(isOneReason ? [] : wrap(line.seen, width, '      ', '      ')),
    ]);
  return [
    ...wrap(`${state.toUpperCase()}: ${meaning}.`, width),
    ...listed,
    ...andMore(group.length),
    ...(isOneReason ? labelled('seen', [...reasons], width) : []),
    ...describeSteps(isOfAsker ? [asTheWorker(workerUser)] : stepsOf(group, isBaseHealthy), width),
  ];
}

function meaningOf(state: StorageState, group: readonly Line[], { survey, asker }: About): string {
  if (state === 'denied' && asker !== null)
    return `access is refused to ${escapeForTerminal(asker)}, as whom you ask; that says nothing about the worker's user`;
  const isRefused = group.some(({ unit }) => unit !== null && survey.refused.has(unit));
  return state === 'degraded' && isRefused ? 'its server can not be used, see above' : meaningOfState(state);
}

/** Each step once, however many paths want it; those for the storage box first. */
function stepsOf(group: readonly Line[], isBaseHealthy: boolean): NextStep[] {
  const steps = new Map<string, NextStep>();
  for (const { state, role, unit } of group) {
    for (const step of nextSteps(state, role, unit)) {
      const waits =
        role === 'bind' && step.command !== null && !isBaseHealthy && step.command.includes(' tier');
      const because = waits ? `once the storage box is healthy; ${step.because}` : step.because;
      steps.set(step.command ?? step.because, { ...step, because });
    }
  }
  // What can be typed comes first.
  return [...steps.values()].sort((a, b) => Number(a.command === null) - Number(b.command === null));
}

function describeParked(
  parked: readonly SurveyedPath[],
  column: number,
  width: number,
  workerUser: string,
): string[] {
  const reasons = new Set<StorageState>();
  const listed = parked.slice(0, maxListed).flatMap((path) => {
    const job = path.jobs.find(({ parked: found }) => found !== null);
    if (!job?.parked) return [];
    const { reason, detail, sinceMs } = job.parked;
    reasons.add(reason);
    const seen = `${reason}: ${detail}; since ${formatTime(sinceMs)} UTC`;
    return [
      pathLine({ path: escapeForTerminal(path.seen.path), who: whoNeeds(path) }, column),
      ...wrap(escapeForTerminal(seen), width, '      ', '      '),
    ];
  });
  const steps = [...reasons].flatMap((reason) =>
    reason === 'unwritable' || reason === 'denied' ? nextSteps(reason, 'other', null) : [],
  );
  return [
    ...wrap(
      'PARKED BY THE WORKER: it answers here, but the worker found it otherwise and starts nothing on it.',
      width,
    ),
    ...listed,
    ...andMore(parked.length),
    ...describeSteps([asTheWorker(workerUser), ...steps], width),
  ];
}

function asTheWorker(user: string): NextStep {
  const as = user === ownUserName() ? '' : `sudo -u ${user} `;
  return { command: `${as}healtharchive storage status`, because: 'as the worker sees it' };
}

function describeHealthy(lines: readonly Line[], column: number, isHeaded: boolean): string[] {
  const listed = lines.slice(0, maxListed).flatMap((line) => {
    // The usual reason says nothing new; what is odd about a path follows it.
    const [, note = ''] = line.seen.split(lookedUpInTime);
    const said = line.seen.includes(lookedUpInTime) ? note.replace(/^; /, '') : line.seen;
    return [pathLine(line, column), ...(said === '' ? [] : [`      ${said}`])];
  });
  return [...(isHeaded ? ['HEALTHY'] : []), ...listed, ...andMore(lines.length)];
}
