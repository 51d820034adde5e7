import type { Refusal, StepResult, Step } from '../plan.ts';
import { gauge, type MetricFamily } from './prometheus-text.ts';

/** What an automation's runs with `--apply` came to, kept from run to run. */
export interface AutomationRecord {
  readonly lastRunAtMs: number;
  readonly lastRunDurationMs: number;
  readonly isEnabled: boolean;
  /** Of the last run that did something; null: none has. */
  readonly lastApply: { readonly atMs: number; readonly isOk: boolean; readonly durationMs: number } | null;
  readonly applyTotal: number;
  readonly lastResult: { readonly result: 'ok' | 'fail' | 'skip'; readonly reason: string };
}

export interface AutomationRun {
  readonly atMs: number;
  readonly durationMs: number;
  readonly isEnabled: boolean;
  readonly results: readonly StepResult<Step>[];
  readonly refusals: readonly Refusal[];
}

/** The record after one more run. */
export function recordRun(
  before: AutomationRecord | null,
  { atMs, durationMs, isEnabled, results, refusals }: AutomationRun,
): AutomationRecord {
  const hasFailed = results.some(({ outcome }) => outcome === 'failed');
  const isApplied = results.length > 0;
  return {
    lastRunAtMs: atMs,
    lastRunDurationMs: durationMs,
    isEnabled,
    lastApply: isApplied ? { atMs, isOk: !hasFailed, durationMs } : (before?.lastApply ?? null),
    applyTotal: (before?.applyTotal ?? 0) + (isApplied ? 1 : 0),
    lastResult: resultOf(hasFailed, isApplied, refusals),
  };
}

function resultOf(
  hasFailed: boolean,
  isApplied: boolean,
  refusals: readonly Refusal[],
): AutomationRecord['lastResult'] {
  if (hasFailed) return { result: 'fail', reason: 'step_failed' };
  const held = refusals.find(({ holdsBack }) => holdsBack);
  if (held !== undefined) return { result: 'skip', reason: held.code };
  if (isApplied) return { result: 'ok', reason: 'done' };
  const [left] = refusals;
  return left === undefined
    ? { result: 'ok', reason: 'nothing_to_do' }
    : { result: 'skip', reason: left.code };
}

/** @param prefix of the family's names, as in the contract: `healtharchive_worker_auto_start` */
export function automationMetrics(prefix: string, record: AutomationRecord): MetricFamily[] {
  const { lastRunAtMs, lastRunDurationMs, isEnabled, lastApply, applyTotal, lastResult } = record;
  return [
    gauge(`${prefix}_enabled`, 'Whether its sentinel file was there at the last run', isEnabled),
    gauge(`${prefix}_last_run_timestamp_seconds`, 'When it last ran', lastRunAtMs / 1000),
    gauge(`${prefix}_last_run_duration_seconds`, 'How long the last run took', lastRunDurationMs / 1000),
    gauge(
      `${prefix}_last_apply_timestamp_seconds`,
      'When a run last did something',
      lastApply === null ? null : lastApply.atMs / 1000,
    ),
    gauge(
      `${prefix}_last_apply_ok`,
      'Whether all of what was done then worked',
      lastApply === null ? null : lastApply.isOk,
    ),
    {
      name: `${prefix}_apply_total`,
      type: 'counter',
      help: 'Runs that did something',
      samples: [{ value: applyTotal }],
    },
    {
      name: `${prefix}_last_result`,
      type: 'gauge',
      help: 'What the last run came to: ok, fail or skip, and why',
      samples: [{ labels: lastResult, value: 1 }],
    },
  ];
}
