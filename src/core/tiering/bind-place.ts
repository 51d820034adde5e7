/** How a directory of the storage box comes onto a hot path: what tiering and recovery do alike, whenever they do it. */
import type { Why } from '../plan.ts';
import type { ColdDirectory } from '../storage/archive.ts';
import { isBelow, isNormalised } from '../storage/path-relation.ts';
import type { MountSummary } from '../storage/path-report.ts';
import type { BindStep, ExpectedBase, UnmountStep, VerifyStep } from './tiering-plan.ts';

export interface PlaceRoots {
  readonly jobsRoot: string;
  /** Where the base really is. */
  readonly basePath: string;
}

/** Why nothing is ever mounted at the path, or taken off it; null if it may be. */
export function whyMisplaced(path: string, { jobsRoot }: Pick<PlaceRoots, 'jobsRoot'>): Why | null {
  if (isNormalised(path) && isBelow(path, jobsRoot)) return null;
  return { code: 'outside_jobs_root', because: `it does not lie below the jobs root ${jobsRoot}` };
}

/** Why nothing is bound from the cold path; null if it may be. */
export function whyColdMisplaced(coldPath: string, { basePath }: Pick<PlaceRoots, 'basePath'>): Why | null {
  if (isNormalised(coldPath) && isBelow(coldPath, basePath)) return null;
  const because = `its cold path ${coldPath} does not lie on the storage box ${basePath}`;
  return { code: 'outside_storage_box', because };
}

/**
 * Why a dead mount is not taken off: another file system lies under it at the same path. It may well be alive, and it can't be
 * asked. The layers of the dead one itself go together.
 */
export function whyStacked(layers: readonly string[], isDead: (device: string) => boolean): Why | null {
  const other = layers.find((device) => !isDead(device));
  if (other === undefined) return null;
  return {
    code: 'stacked',
    because: `another mount (${other}) lies under the dead one, and can’t be looked at`,
  };
}

export interface BoundPath {
  readonly path: string;
  readonly configuredPath: string;
  readonly because: string;
}

export function unmountStep(
  { path, configuredPath, because }: BoundPath,
  { id, device, layers }: MountSummary,
  state: UnmountStep['expects']['state'],
  base: ExpectedBase,
  along: readonly string[] = [],
): UnmountStep {
  const expects = { base, mountId: id, device, layers, state };
  return { kind: 'unmount', path, configuredPath, because, along, expects };
}

export function bindStep(
  { path, configuredPath, because }: BoundPath,
  { path: coldPath, kind, archive }: ColdDirectory,
  expects: BindStep['expects'],
): BindStep {
  const isNew = kind === 'absent';
  const makesCold = archive === null || (isNew && archive !== 'unknown');
  const why = isNew ? `${because}; ${coldPath} is made new on the storage box` : because;
  return { kind: 'bind', path, configuredPath, because: why, coldPath, makesCold, expects };
}

export function verifyStep(path: string): VerifyStep {
  const because = 'mounted is not yet usable: state, identity and a written file as the worker’s user';
  return { kind: 'verify', path, because };
}
