/** Where a person meets a condition. */
export type ConditionSource = 'status' | 'tiering' | 'recovery' | 'auto-start' | 'worker' | 'metrics';

export interface Condition {
  /** `critical`: crawls stand still, or data is at risk. `warning`: a person should look. `notice`: it ends by itself, or is meant so. */
  readonly severity: 'critical' | 'warning' | 'notice';
  readonly sources: readonly ConditionSource[];
  /** A phrase, without capital and full stop. */
  readonly meaning: string;
  /** What a person does: a phrase too. */
  readonly next: string;
  /** The series that shows it, and the alert that it raises. */
  readonly metric?: string;
  readonly alert?: AlertName;
}

export type AlertName =
  | 'HealthArchiveWorkerDownWhileJobsPending'
  | 'HealthArchiveHotPathUnrecovered'
  | 'HealthArchiveAutomationSilent';
