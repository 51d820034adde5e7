import { resolve } from 'node:path';
import { isAtOrBelow, isBelow } from '../core/storage/path-relation.ts';
import { escapeToWidth } from '../core/text/escape.ts';
import type { Configuration } from './schema.ts';

/** What can't be right of keys together though each is right by itself: a sentence each, without full stop. */
export function contradictionsOf(configuration: Configuration): string[] {
  const { crawler, recovery } = configuration;
  const said = [...aboutFolders(configuration), ...aboutHotMounts(configuration)];
  if (crawler.kind === 'container' && crawler.image === '')
    said.push('[crawler] image = "": kind = "container" needs the name of an image');
  if (recovery.backoff_initial_seconds > recovery.backoff_max_seconds)
    said.push(
      `[recovery] backoff_initial_seconds = ${recovery.backoff_initial_seconds}: must be at most backoff_max_seconds, which is ${recovery.backoff_max_seconds}`,
    );
  return said;
}

function aboutFolders({ paths, storagebox }: Configuration): string[] {
  const { mount, cold_root: coldRoot } = storagebox;
  const said: string[] = [];
  if (isIn(paths.state_dir, paths.jobs_root))
    said.push(
      `[paths] state_dir = ${quoted(paths.state_dir)}: must not lie in jobs_root, whose paths become mounts of the storage box`,
    );
  if (mount === '') return said;
  if (isIn(paths.state_dir, mount))
    said.push(
      `[paths] state_dir = ${quoted(paths.state_dir)}: must lie on the local disk, not on the storage box (${quoted(mount)})`,
    );
  if (coldRoot === '')
    said.push('[storagebox] cold_root = "": with a storage box it must name a folder on it');
  else if (!isIn(coldRoot, mount))
    said.push(
      `[storagebox] cold_root = ${quoted(coldRoot)}: must lie on the storage box, at or below mount, which is ${quoted(mount)}`,
    );
  return said;
}

function aboutHotMounts({ hot_mounts: hotMounts, paths, storagebox, worker }: Configuration): string[] {
  const others = [
    { unit: worker.unit, whose: "the worker's" },
    ...(storagebox.mount === '' ? [] : [{ unit: storagebox.unit, whose: "the storage box's" }]),
  ];
  return hotMounts.flatMap(({ path, unit }, index) => {
    const said: string[] = [];
    if (!isBelow(resolve(path), resolve(paths.jobs_root)))
      said.push(
        `[[hot_mounts]] path = ${quoted(path)}: must lie below jobs_root, which is ${quoted(paths.jobs_root)}`,
      );
    if (hotMounts.findIndex((other) => resolve(other.path) === resolve(path)) < index)
      said.push(`[[hot_mounts]] path = ${quoted(path)}: stands there twice`);
    for (const other of others)
      if (unit === other.unit)
        said.push(
          `[[hot_mounts]] unit = ${quoted(unit)}: is ${other.whose} own; a hot mount has a unit of its own`,
        );
    return said;
  });
}

/** As a person writes them, with a slash at the end or not. */
function isIn(path: string, folder: string): boolean {
  return isAtOrBelow(resolve(path), resolve(folder));
}

function quoted(text: string): string {
  return escapeToWidth(JSON.stringify(text), 200);
}
