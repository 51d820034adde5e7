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
