import type { Condition } from './conditions.ts';
import type { MountObstacle } from '../units/mount-log.ts';

/** What keeps a place from being mounted or mended. */
export const placeConditions = {
  base_first: {
    severity: 'notice',
    sources: ['recovery'],
    meaning: 'nothing is bound from a storage box that is not healthy',
    next: 'what is said of the base',
  },
  base_not_healthy: {
    severity: 'warning',
    sources: ['tiering'],
    meaning:
      'nothing is bound from a box that is not mounted, dead or hung: its empty directory is the local disk',
    next: 'what `storage status` says of the base',
  },
  base_in_use: {
    severity: 'warning',
    sources: ['recovery'],
    meaning: 'a restart would end what a crawl may use, or what could not be mounted again',
    next: 'wait for the crawl; or unmount the named path yourself',
  },
  outer_first: {
    severity: 'notice',
    sources: ['tiering', 'recovery'],
    meaning: 'the place that it lies in is not mounted as it should be',
    next: 'what is said of that one',
  },
  crawl_running: {
    severity: 'notice',
    sources: ['tiering', 'recovery'],
    meaning: 'a crawl uses the path, or one above or below it, and would lose it',
    next: 'wait for the crawl',
  },
  stacked: {
    severity: 'warning',
    sources: ['tiering', 'recovery'],
    meaning: 'another mount lies under the dead one',
    next: 'look with `findmnt`, and unmount by hand',
  },
  mounts_below: {
    severity: 'warning',
    sources: ['tiering', 'recovery'],
    meaning: 'something that nobody knows of is mounted inside, or would be hidden',
    next: 'unmount it by hand, or give it a line of its own in the manifest',
  },
  dead_above: {
    severity: 'warning',
    sources: ['tiering', 'recovery'],
    meaning: 'what it lies on is dead, and no place of ours',
    next: 'mend that mount',
  },
  not_mountable: {
    severity: 'warning',
    sources: ['recovery'],
    meaning: 'nothing says what belongs there',
    next: 'add it to the manifest, or to `[[hot_mounts]]`',
  },
  outside_jobs_root: {
    severity: 'warning',
    sources: ['tiering', 'recovery'],
    meaning: 'with its links resolved, the path does not lie below the jobs root',
    next: 'mend manifest or configuration',
  },
  outside_storage_box: {
    severity: 'warning',
    sources: ['tiering', 'recovery'],
    meaning: 'with its links resolved, its cold path does not lie on the storage box',
    next: 'mend the manifest',
  },
  hot_mount_invalid: {
    severity: 'warning',
    sources: ['recovery'],
    meaning: '`[[hot_mounts]]` names the base’s or the worker’s unit',
    next: 'mend the configuration',
  },
  archive_gone: {
    severity: 'critical',
    sources: ['tiering', 'recovery'],
    meaning: 'what jobs have archived is gone from the storage box',
    next: 'look for it there; `storage tier --apply --accept-new-archive PATH` begins anew',
  },
  other_archive: {
    severity: 'critical',
    sources: ['tiering', 'recovery'],
    meaning: 'the storage box is another one than jobs have archived on',
    next: 'mount the right one; `storage tier --apply --accept-new-archive PATH` takes this one',
  },
  archive_unknown: {
    severity: 'warning',
    sources: ['tiering', 'recovery'],
    meaning: 'nobody knows whether something was archived in the directory that is absent',
    next: 'look after the database',
  },
  cold_not_directory: {
    severity: 'warning',
    sources: ['tiering', 'recovery'],
    meaning: 'a file or a link lies in the place of the directory on the storage box',
    next: 'put it right there',
  },
  nothing_to_accept: {
    severity: 'notice',
    sources: ['tiering'],
    meaning: '`--accept-new-archive` names a path that no job has archived in',
    next: 'look at the path: `storage status`',
  },
  stale_mount: {
    severity: 'warning',
    sources: ['tiering'],
    meaning: 'dead, and it was not asked to be repaired',
    next: '`--repair-stale-mounts`, or `storage recover`',
  },
  unexpected_mount: {
    severity: 'warning',
    sources: ['tiering'],
    meaning: 'another mount, and it was not asked to be replaced',
    next: '`--repair-unexpected-mounts`, once you know what it is',
  },
  wrong_source: {
    severity: 'warning',
    sources: ['tiering'],
    meaning: 'another file system answers, and nothing is mounted at the path itself',
    next: 'find out who mounted what lies above it',
  },
  shadowed_data: {
    severity: 'warning',
    sources: ['status', 'tiering'],
    meaning: 'files lie in the local directory where the mount is, or should be: they may be the only copy',
    next: 'merge them by hand (docs/storage-tiering.md, "Files under a mount")',
  },
  shadowed_unknown: {
    severity: 'notice',
    sources: ['tiering'],
    meaning: 'what lies under the mount could not be counted',
    next: 'look at the reason',
  },
  manifest_unreadable: {
    severity: 'warning',
    sources: ['tiering', 'recovery'],
    meaning: 'nobody knows what belongs where, so nothing is bound',
    next: 'mend the rights of the manifest',
  },
  manifest_line: {
    severity: 'warning',
    sources: ['tiering', 'recovery'],
    meaning: 'a line of the manifest can’t be used; the others count',
    next: 'mend the line',
  },
  twice: {
    severity: 'notice',
    sources: ['tiering'],
    meaning: 'a symbolic link that leads to a path that is in the plan already',
    next: 'name it once',
  },
} as const satisfies Readonly<Record<string, Condition>>;

/** Why a unit does not get its file system, by its own log. */
export const mountConditions = {
  host_key_changed: {
    severity: 'critical',
    sources: ['status'],
    meaning: 'the server shows another host key than before, so nothing is sent to it',
    next: 'ask whoever runs the server whether its key was changed; then put the new one into known_hosts',
  },
  host_key_unknown: {
    severity: 'critical',
    sources: ['status'],
    meaning: 'the host key of the server is not known, so nothing is sent to it',
    next: 'put it into known_hosts, once it has been compared with what whoever runs the server says',
  },
  login_refused: {
    severity: 'critical',
    sources: ['status'],
    meaning: 'the server does not let us in',
    next: 'look at the user, at the key, and at what the server has of it',
  },
  name_unknown: {
    severity: 'critical',
    sources: ['status'],
    meaning: 'the name of the server is not known',
    next: 'look at the name in the settings of the unit, and at the DNS of this host',
  },
  mount_point: {
    severity: 'critical',
    sources: ['status'],
    meaning: 'the mount point is not fit to be mounted on',
    next: 'put right what is seen',
  },
} as const satisfies Readonly<Record<MountObstacle, Condition>>;
