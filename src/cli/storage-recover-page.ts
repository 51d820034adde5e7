import type { Refusal, Verdict } from '../core/plan.ts';
import type { Casualty, RecoveryPlan, RecoveryStep } from '../core/recovery/recovery-plan.ts';
import { escapeForTerminal } from '../core/text/escape.ts';
import { wrap } from '../core/text/wrap.ts';
import type { Forecast } from '../recovery/foresee.ts';

/*
 * The forecast of recovery as a person reads it: one sentence on the whole, what dies together, the rounds with the reason of
 * each step, what is left alone, and what to run next.
 */

export interface ForecastPage {
  readonly forecast: Forecast;
  readonly refusals: readonly Refusal[];
  readonly casualties: readonly Casualty[];
  readonly reason: string;
  readonly verdict: Verdict;
}

const kindColumn = 10;
const indent = ' '.repeat(kindColumn + 3);

export function describeForecast(page: ForecastPage, width: number): string[] {
  const { forecast, refusals, casualties, reason, verdict } = page;
  const holding = refusals.filter(({ holdsBack }) => holdsBack);
  const left = refusals.filter(({ holdsBack }) => !holdsBack);
  return [
    ...wrap(`${capitalised(reason)}.`, width),
    ...section(
      'Dies together',
      casualties.flatMap((casualty) => describeCasualty(casualty, width)),
    ),
    ...forecast.rounds.flatMap((plan, index) => describeRound(plan, index + 1, width)),
    ...section(
      'Holds recovery back now',
      holding.flatMap((refusal) => describeRefusal(refusal, width)),
    ),
    ...section(
      'Left alone',
      left.flatMap((refusal) => describeRefusal(refusal, width)),
    ),
    '',
    ...wrap(conclusion(verdict, holding.length > 0), width),
  ];
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', `${title}:`, ...lines];
}

function describeCasualty({ device, source, because, paths, crawls }: Casualty, width: number): string[] {
  const what = `  ${escapeForTerminal(source)} (superblock ${device}): ${because}`;
  const on = crawls.length === 0 ? [] : wrap(`with ${crawlsOf(crawls)}`, width, '    ', '    ');
  return [
    ...wrap(what.trimStart(), width, '  ', '    '),
    ...paths.map((path) => `    ${escapeForTerminal(path)}`),
    ...on,
  ];
}

function crawlsOf(crawls: readonly string[]): string {
  return `crawl${crawls.length === 1 ? '' : 's'} ${crawls.join(', ')}`;
}

function describeRound({ steps, held }: RecoveryPlan, round: number, width: number): string[] {
  const all = [...steps, ...held];
  const title = round === 1 ? 'Round 1' : `Round ${round}, if all of that works`;
  return section(
    title,
    all.flatMap((step) => describeStep(step, width)),
  );
}

function describeStep(step: RecoveryStep, width: number): string[] {
  const unit = 'unit' in step ? `  ${escapeForTerminal(step.unit)}` : '';
  const crawl = step.kind === 'interrupt' ? `  crawl ${step.attempt}` : '';
  const line = `  ${step.kind.padEnd(kindColumn)} ${escapeForTerminal(step.path)}`;
  const first =
    line.length + unit.length + crawl.length <= width
      ? [line + unit + crawl]
      : [line, ...(unit + crawl === '' ? [] : [indent + (unit + crawl).trim()])];
  // What is said of every proof need not be read each time.
  if (step.kind === 'verify') return first;
  return [...first, ...wrap(escapeForTerminal(step.because), width, indent, indent)];
}

function describeRefusal({ code, path, because }: Refusal, width: number): string[] {
  return [
    `  ${code}${path === null ? '' : `  ${escapeForTerminal(path)}`}`,
    ...wrap(escapeForTerminal(because), width, '    ', '    '),
  ];
}

function conclusion(verdict: Verdict, isHeldBack: boolean): string {
  switch (verdict) {
    case 'planned':
      return isHeldBack
        ? 'Nothing was changed. What is held back would not be done now.'
        : 'Nothing was changed.';
    case 'nothing_to_do':
      return 'Nothing to do.';
    default:
      return 'Nothing to do here, but what is listed above needs attention.';
  }
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
