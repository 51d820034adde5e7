/**
 * success; crawl_failure: uses the retry budget; infra_error: cooldown, no budget; config_error: a person must change
 * something first; interrupted: again, without using the budget; source_unreachable: likewise, after growing pauses; cancelled: never again.
 */
export const attemptOutcomes = [
  'success',
  'crawl_failure',
  'infra_error',
  'config_error',
  'interrupted',
  'source_unreachable',
  'cancelled',
] as const;
export type AttemptOutcome = (typeof attemptOutcomes)[number];

/** Why the worker ended the attempt; `none`: it ended by itself. `worker_lost`: its worker was gone before it ended; `stalled`: it stood still. */
export const endReasons = [
  'none',
  'cancel',
  'shutdown',
  'dead_storage',
  'lease_lost',
  'worker_lost',
  'stalled',
] as const;
export type EndReason = (typeof endReasons)[number];

export type CrawlerKind = 'http' | 'container';

export interface Judgement {
  readonly outcome: AttemptOutcome;
  /** One sentence for the operator. It may quote text from outside: escape it where it is shown. */
  readonly because: string;
}
