/** One change of the release in use, as it is kept beside the releases. */
export interface DeployEntry {
  /** Name of the release's folder. */
  readonly release: string;
  /** What was in use before; null: nothing. */
  readonly before: string | null;
  /** Where it came from: an address and what was asked for there, without secrets; `rollback`. */
  readonly from: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  /**
   * `begun`: written down before the switch; if it stays so, the deploy was broken off. `proved`: it was healthy afterwards. `withdrawn`: it was not,
   * or a person went back from it.
   */
  readonly state: 'begun' | 'proved' | 'withdrawn';
}

/** Oldest first. */
export type DeployRecord = readonly DeployEntry[];

const keptEntries = 50;

/** Writes down that a release is about to be put in use. */
export function beginEntry(record: DeployRecord, entry: Omit<DeployEntry, 'state'>): DeployRecord {
  return [...record, { ...entry, state: 'begun' as const }].slice(-keptEntries);
}

/** What came of the last change to a release. */
export function endEntry(record: DeployRecord, release: string, state: 'proved' | 'withdrawn'): DeployRecord {
  const index = record.findLastIndex((entry) => entry.release === release);
  return record.map((entry, at) => (at === index ? { ...entry, state } : entry));
}

/** Somebody went back from a release: it is no place to go back to. An installation, which no deploy has put there, is in the record only by this. */
export function withdrawEntry(record: DeployRecord, release: string, at: string): DeployRecord {
  if (lastOf(record, release) !== undefined) return endEntry(record, release, 'withdrawn');
  const entry = { release, before: null, from: 'an installation', at, state: 'withdrawn' as const };
  return [entry, ...record].slice(-keptEntries);
}

/** Whether a release was put in use by a deploy that was broken off before it was seen to be healthy. */
export function isUnproved(record: DeployRecord, release: string): boolean {
  return lastOf(record, release)?.state === 'begun';
}

/**
 * The release to go back to from the one in use: the last one before it that was healthy and is still there; null: none is known. What was in use
 * before the first deploy is in the record as what that replaced, and counts as healthy.
 */
export function releaseBefore(
  record: DeployRecord,
  current: string,
  releases: readonly string[],
): string | null {
  const began = record.findLastIndex((entry) => entry.release === current);
  const before = began === -1 ? null : (record[began]?.before ?? null);
  const earlier = began === -1 ? record : record.slice(0, began);
  const inUse = [...earlier.flatMap((entry) => [entry.before, entry.release]), before];
  const isHealthy = (release: string): boolean => (lastOf(record, release)?.state ?? 'proved') === 'proved';
  return (
    inUse
      .filter((release) => release !== null)
      .findLast((release) => release !== current && releases.includes(release) && isHealthy(release)) ?? null
  );
}

function wasHealthy(record: DeployRecord, release: string): boolean {
  const last = lastOf(record, release);
  return last === undefined ? record.some(({ before }) => before === release) : last.state === 'proved';
}

function lastOf(record: DeployRecord, release: string): DeployEntry | undefined {
  return record.findLast((entry) => entry.release === release);
}

export interface KeptRelease {
  readonly name: string;
  readonly madeAtMs: number;
  /** A process runs from it: its programs read their files when they need them. */
  readonly isRunning: boolean;
}

/**
 * Releases that may be removed: all but the newest ones, the one in use, the one to go back to, and those that something still runs from. Those that
 * were never in use, or were not healthy, take no place of one that was.
 * @param keep how many
 */
export function releasesToPrune(
  releases: readonly KeptRelease[],
  record: DeployRecord,
  needed: readonly (string | null)[],
  keep: number,
): string[] {
  const rank = ({ name }: KeptRelease): number =>
    needed.includes(name) ? 0 : wasHealthy(record, name) ? 1 : 2;
  const best = [...releases].sort((a, b) => rank(a) - rank(b) || b.madeAtMs - a.madeAtMs);
  return best
    .slice(keep)
    .filter(({ name, isRunning }) => !isRunning && !needed.includes(name))
    .map(({ name }) => name)
    .reverse();
}
