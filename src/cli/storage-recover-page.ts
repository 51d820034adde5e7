import type { Refusal, Step, StepResult, Verdict } from '../core/plan.ts';
import type { Casualty } from '../core/recovery/recovery-plan.ts';
import { escapeForTerminal } from '../core/text/escape.ts';
import { wrap } from '../core/text/wrap.ts';

/*
 * Recovery as a person reads it, foretold or done: one sentence on the whole, what dies together, the rounds with the reason or
 * the end of each step, what holds it back, and what is left alone.
 */

/** Rounds come first; what is in none was done afterwards, for the jobs. */
type ShownStep = (StepResult<Step> | { readonly step: Step }) & { readonly round?: number };

export interface RecoveryPage {
  readonly reason: string;
  readonly casualties: readonly Casualty[];
  readonly steps: readonly ShownStep[];
  readonly refusals: readonly Refusal[];
  readonly conclusion: Verdict;
}

const kindColumn = 10;
const indent = ' '.repeat(kindColumn + 3);

export function describeRecovery(
  { reason, casualties, steps, refusals, conclusion }: RecoveryPage,
  width: number,
): string[] {
  const holding = refusals.filter(({ holdsBack }) => holdsBack);
  const left = refusals.filter(({ holdsBack }) => !holdsBack);
  const rounds = [...new Set(steps.map(({ round }) => round))];
  const isForetold = steps.some((step) => !('outcome' in step));
  const describeAll = (of: readonly Refusal[]): string[] =>
    of.flatMap((refusal) => describeRefusal(refusal, width));
  return [
    ...wrap(`${reason.charAt(0).toUpperCase()}${reason.slice(1)}.`, width),
    ...section(
      'Dies together',
      casualties.flatMap((casualty) => describeCasualty(casualty, width)),
    ),
    ...rounds.flatMap((round) =>
      section(
        roundTitle(round, isForetold),
        steps.filter((step) => step.round === round).flatMap((step) => describeStep(step, width)),
      ),
    ),
    ...section(isForetold ? 'Holds recovery back now' : 'Held back', describeAll(holding)),
    ...section('Left alone', describeAll(left)),
    '',
    ...wrap(conclusionOf(conclusion, isForetold && holding.length > 0), width),
  ];
}

function roundTitle(round: number | undefined, isForetold: boolean): string {
  if (round === undefined) return 'Afterwards';
  return isForetold && round > 1 ? `Round ${round}, if all of that works` : `Round ${round}`;
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', `${title}:`, ...lines];
}

function describeCasualty({ device, source, because, paths, crawls }: Casualty, width: number): string[] {
  const what = `${escapeForTerminal(source)} (superblock ${device}): ${because}`;
  const names = `crawl${crawls.length === 1 ? '' : 's'} ${crawls.join(', ')}`;
  return [
    ...wrap(what, width, '  ', '    '),
    ...paths.map((path) => `    ${escapeForTerminal(path)}`),
    ...(crawls.length === 0 ? [] : wrap(`with ${names}`, width, '    ', '    ')),
  ];
}

function describeStep(shown: ShownStep, width: number): string[] {
  const { kind, path, because, unit, attempt } = shown.step as Step & { unit?: string; attempt?: string };
  const about = [
    ...(unit === undefined ? [] : [escapeForTerminal(unit)]),
    ...(attempt === undefined ? [] : [`crawl ${attempt}`]),
  ].join('  ');
  const beginning = `  ${kind.padEnd(kindColumn)} `;
  const said = wrap(escapeForTerminal(because), width, indent, indent);
  if (path === null) return [beginning + (said[0] ?? '').trimStart(), ...said.slice(1)];
  const line = beginning + escapeForTerminal(path);
  const isFitting = line.length + 2 + about.length <= width;
  const first = about === '' ? [line] : isFitting ? [`${line}  ${about}`] : [line, indent + about];
  if ('outcome' in shown && shown.round !== undefined) return [...first, ...describeEnd(shown, width)];
  // What is said of every proof need not be read each time.
  return kind === 'verify' ? first : [...first, ...said];
}

function describeEnd({ outcome, error, durationMs }: StepResult<Step>, width: number): string[] {
  const how = `${outcome}, ${(durationMs / 1000).toFixed(2)} s${error === null ? '' : `: ${error}`}`;
  return wrap(escapeForTerminal(how), width, indent, indent);
}

function describeRefusal({ code, path, because }: Refusal, width: number): string[] {
  return [
    `  ${code}${path === null ? '' : `  ${escapeForTerminal(path)}`}`,
    ...wrap(escapeForTerminal(because), width, '    ', '    '),
  ];
}

function conclusionOf(verdict: Verdict, isHeldBack: boolean): string {
  switch (verdict) {
    case 'planned':
      return isHeldBack
        ? 'Nothing was changed. What is held back would not be done now.'
        : 'Nothing was changed. --apply does it.';
    case 'nothing_to_do':
      return 'Nothing to do.';
    case 'done':
      return 'Done and verified.';
    case 'failed':
      return 'Not everything could be done. What is marked done is done; the next run goes on.';
    case 'refused':
      return 'What is held back was not done.';
    case 'attention':
      return 'What is left alone needs attention.';
  }
}
