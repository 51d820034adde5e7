import type { Refusal, Step, StepResult, Verdict } from '../core/plan.ts';
import { escapeToWidth } from '../core/text/escape.ts';
import type { ExitStatusName } from './exit-status.ts';
import type { GlobalOptions } from './session.ts';
import type { Terminal } from './terminal.ts';

/** A plan as every automation answers with it, before or after it was carried out. */
export interface PlanAnswer {
  readonly mode: 'dry-run' | 'apply';
  readonly verdict: Verdict;
  readonly reason: string;
  /** With what came of them, if they were tried; `round` where a plan has several. */
  readonly steps: readonly ((StepResult<Step> | { readonly step: Step }) & { readonly round?: number })[];
  readonly refusals: readonly Refusal[];
}

const exitOf: Record<Verdict, ExitStatusName> = {
  refused: 'refused',
  failed: 'failed',
  planned: 'attention',
  attention: 'attention',
  done: 'done',
  nothing_to_do: 'done',
};

/**
 * @param more what only this plan has: further JSON fields, the page in place of the common one, or that its steps were
 *   shown already, as they ended, or that what is planned would be refused now
 */
export function answerPlan(
  plan: PlanAnswer,
  options: GlobalOptions,
  terminal: Terminal,
  more: {
    readonly json?: object;
    readonly page?: readonly string[];
    readonly areStepsShown?: boolean;
    readonly isHeld?: boolean;
  } = {},
): void {
  if (options.json === true) terminal.answerJson({ ...planJson(plan), ...more.json });
  else for (const line of more.page ?? describePlan(plan, more)) terminal.answer(line);
  terminal.exitStatus = exitOf[plan.verdict];
}

function planJson({ mode, verdict, reason, steps, refusals }: PlanAnswer): Record<string, unknown> {
  return {
    mode,
    verdict,
    reason,
    steps: steps.map((result) => {
      // What is expected is a detail of ours; the rest of a step is its fields.
      const { kind, because, path, coldPath, unit, attempt, diff, user, release } = result.step as Step & {
        coldPath?: string;
        unit?: string;
        attempt?: string;
        diff?: readonly string[];
        user?: string;
        release?: string;
      };
      const about = {
        ...(coldPath === undefined ? {} : { cold_path: coldPath }),
        ...(unit === undefined ? {} : { unit }),
        ...(user === undefined ? {} : { user }),
        ...(attempt === undefined ? {} : { attempt }),
        ...(release === undefined ? {} : { release }),
        ...(diff === undefined || diff.length === 0 ? {} : { diff: diff.join('\n') }),
      };
      const where = {
        ...(path === null ? {} : { path }),
        ...(result.round === undefined ? {} : { round: result.round }),
      };
      if (!('outcome' in result)) return { kind, because, ...where, ...about };
      const { outcome, error, durationMs } = result;
      const failure = error === null ? {} : { error };
      const duration_seconds = Math.round(durationMs) / 1000;
      return { kind, because, ...where, ...about, outcome, ...failure, duration_seconds };
    }),
    refusals: refusals.map(({ code, because, path }) => ({
      code,
      because,
      ...(path === null ? {} : { path }),
    })),
  };
}

/** Most columns of a path or a sentence. */
const widest = 300;
const show = (text: string): string => escapeToWidth(text, widest);

/** A step as it is planned, or as it ended. */
export function describeStep(result: PlanAnswer['steps'][number]): string[] {
  const { kind, because } = result.step;
  const path = show(result.step.path ?? subjectOf(result.step));
  const diff = 'diff' in result.step ? (result.step.diff as readonly string[]) : [];
  const indented = diff.map((line) => `         ${show(line)}`);
  if (!('outcome' in result)) return [`${kind.padEnd(8)} ${path}`, `         ${show(because)}`, ...indented];
  const seconds = (result.durationMs / 1000).toFixed(2);
  const line = `${result.outcome.padEnd(8)} ${kind.padEnd(8)} ${path}  ${seconds} s`;
  return [
    line,
    ...(result.error ?? '').split('\n').flatMap((said) => (said === '' ? [] : [`         ${show(said)}`])),
  ];
}

/** What a step without a path is about. */
function subjectOf(step: Step & { unit?: string; user?: string; release?: string }): string {
  return step.unit ?? step.user ?? step.release ?? '';
}

function describePlan(
  { mode, verdict, reason, steps, refusals }: PlanAnswer,
  { areStepsShown = false, isHeld = false }: { readonly areStepsShown?: boolean; readonly isHeld?: boolean },
): string[] {
  const lines = areStepsShown ? [] : steps.flatMap(describeStep);
  const areStepsAbove = steps.length > 0;
  if (refusals.length > 0) {
    if (areStepsAbove) lines.push('');
    lines.push('Left alone:');
    for (const { code, path, because } of refusals) {
      lines.push(`  ${code}${path === null ? '' : `  ${show(path)}`}`, `           ${show(because)}`);
    }
  }
  if (areStepsAbove || lines.length > 0) lines.push('');
  if (isHeld) return [...lines, `This is the plan (${show(reason)}), but what was left alone holds it back.`];
  return [...lines, conclusion(verdict, mode, reason, steps.length)];
}

function conclusion(verdict: Verdict, mode: PlanAnswer['mode'], reason: string, steps: number): string {
  switch (verdict) {
    case 'planned':
      return `This is the plan (${reason}). Add --apply to carry it out.`;
    case 'nothing_to_do':
      return `Nothing to do: ${show(reason)}.`;
    case 'done':
      return `Done and verified (${show(reason)}).`;
    case 'attention':
      return steps > 0 && mode === 'apply'
        ? 'The steps are done and verified; what was left alone needs attention.'
        : 'Nothing to do here, but what was left alone needs attention.';
    case 'refused':
      return `Nothing was changed: ${steps > 0 ? show(reason) : 'see what was left alone'}.`;
    case 'failed':
      return 'Not everything could be done. What is marked done is done.';
  }
}
