import type { InstallPlan, InstallStep } from '../install/decide-install.ts';
import {
  bootFoldersFile,
  command,
  configurationFile,
  current,
  parentOf,
  storageboxSettingsFile,
  unitFolder,
} from '../install/layout.ts';
import { isBelow } from '../storage/path-relation.ts';
import type { CheckCode, Finding } from './checks.ts';

export const installedCodes: readonly CheckCode[] = [
  'user',
  'program',
  'folders',
  'units',
  'units_changed',
  'files',
];

const install = 'healtharchive ops install --apply';

/** What `ops install` would make or change, as what is off. */
export function installedFindings({ steps, refusals }: InstallPlan): Finding[] {
  const blocked = refusals.flatMap(({ code, path, because }) =>
    code === 'install_in_the_way' && path !== null
      ? [
          {
            code: codeOfPath(path),
            detail: `${path}: ${because}`,
            fix: 'look what it is; move it away, then ops install --apply',
          } as const,
        ]
      : [],
  );
  return [...blocked, ...steps.flatMap(findingOf)];
}

function codeOfPath(path: string): CheckCode {
  if (isBelow(path, unitFolder)) return 'units';
  return path === current || path === command ? 'program' : 'folders';
}

function findingOf({ kind, path, user, because, before }: InstallStep): Finding[] {
  const at = path ?? '';
  switch (kind) {
    case 'user':
      return [{ code: 'user', detail: `there is no user ${user ?? ''}`, fix: install }];
    case 'release':
      return [
        {
          code: 'program',
          detail: `${at} is not there: this program is not the one that is installed`,
          fix: install,
        },
      ];
    case 'link':
      return [{ code: 'program', detail: `${at} is missing, or leads elsewhere (${because})`, fix: install }];
    case 'folder':
      return [{ code: 'folders', detail: `${at} is missing (${because})`, fix: install }];
    case 'owner':
      return [
        {
          code: isBelow(at, unitFolder) ? 'units_changed' : 'folders',
          detail: `${at} ${because}`,
          fix: install,
        },
      ];
    case 'reload':
      // Asked of systemd itself (unit-checks.ts).
      return [];
    case 'file':
      return [fileFinding(at, before !== undefined)];
  }
}

function fileFinding(path: string, isThere: boolean): Finding {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const show = 'healtharchive ops install';
  if (isBelow(path, unitFolder)) {
    const unit = parentOf(path) === unitFolder ? name : path.slice(unitFolder.length + 1);
    return isThere
      ? {
          code: 'units_changed',
          detail: `${unit} is not as it is shipped`,
          fix: `${show} shows the difference; your own settings belong into a drop-in: systemctl edit ${name}`,
        }
      : { code: 'units', detail: `${unit} is not installed`, fix: install };
  }
  if (path === configurationFile)
    return { code: 'files', detail: `${path} is missing: every key has its default`, fix: install };
  if (path === storageboxSettingsFile)
    return { code: 'storagebox_settings', detail: `${path} is missing`, fix: install };
  if (path === bootFoldersFile)
    return {
      code: 'folders',
      detail: `${path} is ${isThere ? 'not as it is shipped' : 'missing'}: the folder of the deploy lock will not be there after a boot`,
      fix: install,
    };
  return {
    code: 'files',
    detail: `${path} is ${isThere ? 'not as it is shipped' : 'missing'}`,
    fix: install,
  };
}
