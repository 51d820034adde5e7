/**
 * success; crawl_failure: uses the retry budget; infra_error: cooldown, no budget; config_error: a person must change
 * something first; interrupted: again, without using the budget; cancelled: never again.
 */
export type AttemptOutcome =
  'success' | 'crawl_failure' | 'infra_error' | 'config_error' | 'interrupted' | 'cancelled';

/** Why the worker ended the attempt; `none`: it ended by itself. `worker_lost`: its worker was gone before it ended. */
export const endReasons = [
  'none',
  'cancel',
  'shutdown',
  'dead_storage',
  'lease_lost',
  'worker_lost',
] as const;
export type EndReason = (typeof endReasons)[number];

export type CrawlerKind = 'wget' | 'container';

export interface Judgement {
  readonly outcome: AttemptOutcome;
  /** One sentence for the operator. It may quote text from outside: escape it where it is shown. */
  readonly because: string;
}
