import { existsSync, lstatSync } from 'node:fs';
import type { Configuration } from '../config/schema.ts';
import { type Ids, storageboxSettingsFile as file } from '../core/install/layout.ts';
import {
  knownHostName,
  optionOf,
  parseStorageboxSettings,
  type SettingsFacts,
  type StorageboxSettings,
} from '../core/verify/storagebox-settings.ts';
import { runCommand } from '../effects/command.ts';
import { readPlainFile } from '../effects/small-file.ts';

const deadlineMs = 3000;

/** Null where the base is not mounted by sshfs: other programs have other settings. */
export async function observeSettings(
  { storagebox }: Configuration,
  userIds: Ids | null,
): Promise<SettingsFacts | null> {
  if (storagebox.mount === '' || storagebox.fstype !== 'fuse.sshfs' || storagebox.unit.endsWith('.mount'))
    return null;
  const settings = settingsOf(file);
  return {
    file,
    settings,
    mount: storagebox.mount,
    userIds,
    key: settings === null ? null : keyAt(optionOf(settings, 'IdentityFile')),
    isHostKnown: settings === null ? null : await isHostKnown(settings),
  };
}

function settingsOf(path: string): StorageboxSettings | null {
  try {
    return parseStorageboxSettings(readPlainFile(path, { followLinks: true }));
  } catch {
    return null;
  }
}

function keyAt(path: string | null): SettingsFacts['key'] {
  if (path === null) return null;
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats?.isFile() === true ? { uid: stats.uid, mode: stats.mode & 0o777 } : null;
}

/** As ssh itself would find it, hashed names too (ssh-keygen(1), -F). */
async function isHostKnown(settings: StorageboxSettings): Promise<boolean | null> {
  const path = optionOf(settings, 'UserKnownHostsFile');
  const host = knownHostName(settings);
  if (path === null || host === null || !existsSync(path)) return null;
  const result = await runCommand(['ssh-keygen', '-F', host, '-f', path], { deadlineMs });
  return result.kind === 'exited' && result.code === 0;
}
