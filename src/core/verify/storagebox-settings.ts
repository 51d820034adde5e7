import type { Ids } from '../install/layout.ts';
import type { CheckCode, Finding } from './checks.ts';

/** `storagebox.env`, as far as it is looked at (systemd.exec(5), EnvironmentFile=). */
export interface StorageboxSettings {
  readonly source: string;
  readonly mount: string;
  /** NAME or NAME=VALUE, as sshfs takes them. */
  readonly options: readonly string[];
}

/** Lines of NAME=VALUE; quotes around a value are taken off. */
export function parseStorageboxSettings(text: string): StorageboxSettings {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, name, value = ''] = /^\s*([A-Z_]+)=(.*)$/.exec(line) ?? [];
    if (name !== undefined) values.set(name, value.trim().replace(/^(["'])(.*)\1$/, '$2'));
  }
  return {
    source: values.get('STORAGEBOX_SOURCE') ?? '',
    // The unit's own default.
    mount: values.get('STORAGEBOX_MOUNT') ?? '/srv/healtharchive/storagebox',
    options: (values.get('STORAGEBOX_OPTIONS') ?? '').split(',').filter((option) => option !== ''),
  };
}

export function optionOf({ options }: StorageboxSettings, name: string): string | null {
  const prefix = `${name}=`;
  return options.find((option) => option.startsWith(prefix))?.slice(prefix.length) ?? null;
}

/** Host and port as known_hosts names them (sshd(8)): `[HOST]:PORT` where it is not 22; null for a source without host. */
export function knownHostName(settings: StorageboxSettings): string | null {
  const host = /^(?:[^@/]*@)?(\[[^\]/]+\]|[^\][:/]+):/.exec(settings.source)?.[1]?.replace(/^\[|\]$/g, '');
  if (host === undefined) return null;
  const port = optionOf(settings, 'port') ?? '22';
  return port === '22' ? host : `[${host}]:${port}`;
}

/** What lies at the paths that the settings name. */
export interface SettingsFacts {
  readonly file: string;
  /** Null: it is not there, or can't be read. */
  readonly settings: StorageboxSettings | null;
  /** Of the configuration. */
  readonly mount: string;
  readonly userIds: Ids | null;
  /** Owner and mode of the key; null: there is none at that path. */
  readonly key: { readonly uid: number; readonly mode: number } | null;
  /** Whether known_hosts has the host; null: the file is not there. */
  readonly isHostKnown: boolean | null;
}

export const settingsCodes: readonly CheckCode[] = [
  'storagebox_settings',
  'storagebox_key',
  'storagebox_host_key',
];

/** What keeps the settings from working, as far as it is seen without connecting: server, place, options, key, host key. */
export function settingsFindings({
  file,
  settings,
  mount,
  userIds,
  key,
  isHostKnown,
}: SettingsFacts): Finding[] {
  // That it is missing is told by what is installed.
  if (settings === null) return [];
  const off = (detail: string, fix = `edit ${file}, then restart the unit of the base`): Finding => ({
    code: 'storagebox_settings',
    detail,
    fix,
  });
  const findings: Finding[] = [];
  const { source, options } = settings;
  const host = knownHostName(settings);
  if (source === '') findings.push(off(`${file} does not say STORAGEBOX_SOURCE`));
  else if (host === null) findings.push(off(`STORAGEBOX_SOURCE=${source} names no server: USER@HOST:FOLDER`));
  else if (/(^|\.)example\.(org|com|net)\b/.test(host))
    findings.push(off(`${file} still has the server of the example (${source})`));
  if (settings.mount !== mount)
    findings.push(
      off(
        `STORAGEBOX_MOUNT=${settings.mount}, but [storagebox] mount is ${mount}`,
        `make them the same, in ${file} or config.toml`,
      ),
    );
  for (const needed of ['allow_other', 'reconnect', 'BatchMode=yes'])
    if (!options.includes(needed))
      findings.push(off(`STORAGEBOX_OPTIONS lacks ${needed}; the reason of each stands in the example`));
  const uid = optionOf(settings, 'uid');
  if (userIds !== null && uid !== null && Number(uid) !== userIds.uid)
    findings.push(
      off(`STORAGEBOX_OPTIONS has uid=${uid}, but the worker’s user is ${userIds.uid}: it could not write`),
    );
  return [...findings, ...keyFindings(settings, key), ...hostKeyFindings(settings, host, isHostKnown)];
}

function keyFindings(settings: StorageboxSettings, key: SettingsFacts['key']): Finding[] {
  const path = optionOf(settings, 'IdentityFile');
  if (path === null) return [];
  if (key === null)
    return [
      {
        code: 'storagebox_key',
        detail: `there is no key ${path}`,
        fix: `ssh-keygen -t ed25519 -N '' -f ${path}, and put ${path}.pub on the storage box`,
      },
    ];
  const isOpen = key.uid !== 0 || (key.mode & 0o077) !== 0;
  return isOpen
    ? [
        {
          code: 'storagebox_key',
          detail: `the key ${path} is open to others than root: ssh does not use it`,
          fix: `chown root:root ${path}; chmod 600 ${path}`,
        },
      ]
    : [];
}

function hostKeyFindings(
  settings: StorageboxSettings,
  host: string | null,
  isKnown: boolean | null,
): Finding[] {
  const path = optionOf(settings, 'UserKnownHostsFile');
  if (path === null || host === null || isKnown === true) return [];
  const port = optionOf(settings, 'port') ?? '22';
  const bare = /^\[(.*)\]:\d+$/.exec(host)?.[1] ?? host;
  const detail = isKnown === null ? `${path} is not there` : `${path} does not have the key of ${host}`;
  return [
    {
      code: 'storagebox_host_key',
      detail,
      fix: `ssh-keyscan -p ${port} ${bare} >>${path}, and compare it with what your provider says`,
    },
  ];
}
