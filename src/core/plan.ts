import type { ConditionCode } from './report/conditions.ts';

/** What the plans of all automations have in common: data that is printed as it would be done. */
export type Verdict = 'refused' | 'failed' | 'planned' | 'attention' | 'done' | 'nothing_to_do';

/** Something that a plan leaves alone, and why. */
export interface Refusal {
  /** Stable, for scripts and metrics: what it means stands in the registry. */
  readonly code: ConditionCode;
  readonly because: string;
  /** The path it is about; null when it is about everything. */
  readonly path: string | null;
  /** True: it would be done, but for this. False: it is nothing that this command acts upon, as it was called. */
  readonly holdsBack: boolean;
}

/** Why something is refused, whatever it is about. */
export type Why = Pick<Refusal, 'code' | 'because'>;

/** One step of a plan, as far as every plan has it. */
export interface Step {
  readonly kind: string;
  /** Null for a step that is about no path. */
  readonly path: string | null;
  readonly because: string;
}

export interface StepResult<S extends Step> {
  readonly step: S;
  /** `skipped`: a step before it failed, or it was not needed any more. */
  readonly outcome: 'done' | 'failed' | 'skipped';
  /** Of a failed step, and why a skipped one was skipped. */
  readonly error: string | null;
  readonly durationMs: number;
}

/** Of a plan that is only shown. */
export function verdictOfPlan(steps: readonly Step[], refusals: readonly Refusal[]): Verdict {
  if (steps.length > 0) return 'planned';
  return refusals.length > 0 ? 'attention' : 'nothing_to_do';
}

/** Of a plan that was carried out. */
export function verdictOfResults(
  results: readonly StepResult<Step>[],
  refusals: readonly Refusal[],
): Verdict {
  if (results.some(({ outcome }) => outcome === 'failed')) return 'failed';
  if (results.length === 0 && refusals.some(({ holdsBack }) => holdsBack)) return 'refused';
  if (refusals.length > 0) return 'attention';
  return results.length > 0 ? 'done' : 'nothing_to_do';
}

/** `holdsBack`: recovery would mend it, but for this. */
export function refuse(
  { path }: { readonly path: string },
  { code, because }: Why,
  holdsBack = false,
): Refusal {
  return { code, because, path, holdsBack };
}

/** What concerns everything at once. */
export function general(code: Refusal['code'], because: string, holdsBack = true): Refusal {
  return { code, because, path: null, holdsBack };
}
