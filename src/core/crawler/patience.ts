/**
 * Whose fault it is that addresses can't be reached. One may be a dead link; several in a row, with none that answers between them, are
 * the network or the server: then the crawl pauses and asks one address again, so that an outage of half an hour uses up no address.
 */
export type Outage =
  /** How many addresses in a row could not be reached. */
  | { readonly kind: 'none'; readonly unreachable: number }
  | { readonly kind: 'paused'; readonly sinceMs: number; readonly nextMs: number; readonly pauseMs: number };

export const noOutage: Outage = { kind: 'none', unreachable: 0 };

/** So many in a row are no coincidence. */
const inARow = 3;
const shortestPauseMs = 1000;
const longestPauseMs = 60_000;

/** An address could not be reached; while the crawl is paused, the one that is asked again. */
export function afterUnreachable(outage: Outage, nowMs: number): Outage {
  if (outage.kind === 'paused') {
    const pauseMs = Math.min(2 * outage.pauseMs, longestPauseMs);
    return { ...outage, pauseMs, nextMs: nowMs + pauseMs };
  }
  const unreachable = outage.unreachable + 1;
  return unreachable < inARow ? { kind: 'none', unreachable } : paused(nowMs);
}

/** From now on. */
export function paused(nowMs: number): Outage {
  return { kind: 'paused', sinceMs: nowMs, pauseMs: shortestPauseMs, nextMs: nowMs + shortestPauseMs };
}

/** Any answer of the source ends it, whatever its status. */
export function afterAnswer(): Outage {
  return noOutage;
}

/** The source has been away for as long as an attempt waits for it. A clock that was set back begins anew. */
export function isGivenUp(outage: Outage, patienceMs: number, nowMs: number): boolean {
  return outage.kind === 'paused' && nowMs - outage.sinceMs >= patienceMs;
}

/** When an address is asked for again. */

/** After an answer that was not complete, or none: growing pauses, then it has failed. */
export const retryPausesMs: readonly number[] = [5_000, 60_000, 300_000];

/** A server that asks for more than that means "not today". */
const longestMs = 3_600_000;

/**
 * The pause that a server asks for, in ms: seconds or a date (RFC 9110, 10.2.3). Null: it asks for none, or in a way that nobody
 * understands.
 */
export function retryAfterMs(value: string | undefined, nowMs: number): number | null {
  if (value === undefined) return null;
  const text = value.trim();
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  return Number.isNaN(ms) ? null : Math.min(Math.max(ms, 0), longestMs);
}

const slowestMs = 60_000;

/** Without a word from the server the pause between two requests doubles with each 429 or 503, and shrinks with each answer. */
export function slowedDown(pauseMs: number): number {
  return Math.min(Math.max(2 * pauseMs, 1000), slowestMs);
}

export function recovered(pauseMs: number, configuredMs: number): number {
  const less = pauseMs * 0.8;
  return less <= Math.max(configuredMs, 50) ? configuredMs : less;
}
