import { isAtOrBelow, withAncestors } from '../storage/path-relation.ts';

/** Where things lie on a server, whatever its configuration. */
const program = '/opt/healtharchive';
export const current = `${program}/current`;
export const releases = `${program}/releases`;
export const deployRecordFile = `${program}/deploys.json`;
/** What the commands of the last deploy said. */
export const deployLogFile = `${program}/deploy.log`;
export const command = '/usr/local/bin/healtharchive';
export const unitFolder = '/etc/systemd/system';
const settings = '/etc/healtharchive';
export const configurationFile = `${settings}/config.toml`;
export const storageboxSettingsFile = `${settings}/storagebox.env`;
export const bootFoldersFile = '/etc/tmpfiles.d/healtharchive.conf';
export const alertRulesFile = `${settings}/prometheus/healtharchive-alerts.yml`;

/** What of the configuration an installation depends on. Paths are absolute. */
export interface InstallSettings {
  readonly user: string;
  /** Null: not on this disk (PostgreSQL). */
  readonly databaseFolder: string | null;
  readonly stateDir: string;
  readonly jobsRoot: string;
  readonly sentinelDir: string;
  /** Null: no metrics files. */
  readonly textfileDir: string | null;
  readonly deployLock: string;
  /** Null: no storage box. */
  readonly storageboxMount: string | null;
  readonly workerUnit: string;
  /** Null: there is none, or it is not one of ours (NFS, say). */
  readonly storageboxUnit: string | null;
  /** What the configuration needs beyond the units as they are. */
  readonly relaxations: readonly Relaxation[];
}

/** Crawls in containers; a database on the network. */
export type Relaxation = 'containers' | 'network';

/** What is shipped: texts by their names. */
export interface ShippedFiles {
  /** By their names, drop-ins of relaxations too: `UNIT.d/containers.conf`. */
  readonly units: Readonly<Record<string, string>>;
  readonly exampleConfiguration: string;
  readonly storageboxEnvironment: string;
  readonly alertRules: string;
  readonly manual: string;
}

export interface Ids {
  readonly uid: number;
  readonly gid: number;
}

/** Something that must be there. `owner` is a user's name; its group is the user's own. */
export type Wanted =
  | { readonly kind: 'user'; readonly name: string; readonly home: string; readonly because: string }
  | {
      readonly kind: 'folder';
      readonly path: string;
      readonly owner: string;
      readonly mode: number;
      /** A person's once it is there, as a file may be. */
      readonly isTheirs: boolean;
      readonly because: string;
    }
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly text: string;
      readonly mode: number;
      /** A person's once it is there: it is made when it is missing, and never changed. */
      readonly isTheirs: boolean;
      readonly because: string;
    }
  | { readonly kind: 'link'; readonly path: string; readonly target: string; readonly because: string }
  | { readonly kind: 'release'; readonly path: string; readonly because: string };

/**
 * Everything that an installed HealthArchive consists of, in the order in which it is made.
 * @param release name of the folder of this program
 * @param ids of the worker's user; null while there is no such user
 */
export function wantedLayout(
  wanted: InstallSettings,
  shipped: ShippedFiles,
  release: string,
  ids: Ids | null,
): Wanted[] {
  return [
    {
      kind: 'user',
      name: wanted.user,
      home: '/var/lib/healtharchive',
      because: 'whose the crawls and their files are; nobody logs in as it',
    },
    ...folders(wanted),
    {
      kind: 'release',
      path: `${releases}/${release}`,
      because: 'the program, its runtime, its documentation',
    },
    link(current, `releases/${release}`, 'the release that is in use'),
    link(command, `${current}/bin/healtharchive`, 'for the units, and for you'),
    ...files(wanted, shipped, ids),
  ];
}

function link(path: string, target: string, because: string): Wanted {
  return { kind: 'link', path, target, because };
}

function folders(wanted: InstallSettings): Wanted[] {
  const ofRoot = (path: string, because: string): Wanted => folder(path, 'root', 0o755, because);
  const asItIs = (path: string, because: string): Wanted => ({
    ...folder(path, 'root', 0o755, because),
    isTheirs: true,
  });
  const own = [
    // Root's: nobody else can put something in the place of the base, or of the jobs root.
    ...(wanted.jobsRoot.startsWith('/srv/healtharchive/')
      ? [ofRoot('/srv/healtharchive', 'what lies below it')]
      : []),
    ofRoot(wanted.sentinelDir, 'the files that switch an automation on'),
    ofRoot(settings, 'settings, and the files that switch an automation on'),
    ...(wanted.databaseFolder === null
      ? []
      : [
          folder(
            wanted.databaseFolder,
            wanted.user,
            0o750,
            'the database, and the log that SQLite keeps beside it',
          ),
        ]),
    folder(wanted.stateDir, wanted.user, 0o750, 'locks, attempt logs, watchdog state, evidence'),
    folder(wanted.jobsRoot, wanted.user, 0o755, 'the output directories'),
    ...(wanted.storageboxMount === null
      ? []
      : [ofRoot(wanted.storageboxMount, 'where the storage box is mounted')]),
    ...(wanted.textfileDir === null ? [] : [asItIs(wanted.textfileDir, 'what node_exporter reads')]),
    ofRoot(parentOf(wanted.deployLock), 'the deploy lock; root’s, so that nobody else can hold it'),
    ofRoot(releases, 'the releases of the program, side by side'),
  ];
  const all = new Map<string, Wanted>();
  for (const one of own) {
    if (one.kind !== 'folder') continue;
    for (const above of withAncestors(one.path))
      if (!all.has(above) && !systemFolders.includes(above))
        all.set(above, asItIs(above, 'what lies below it'));
    all.set(one.path, one);
  }
  return [...all.values()];
}

function folder(
  path: string,
  owner: string,
  mode: number,
  because: string,
): Wanted & { readonly kind: 'folder' } {
  return { kind: 'folder', path, owner, mode, isTheirs: false, because };
}

/** Every Linux has these, and they are nobody's to change. */
const systemFolders = [
  '/',
  '/etc',
  '/opt',
  '/srv',
  '/var',
  '/var/lib',
  '/run',
  '/usr',
  '/usr/local',
  '/home',
  '/root',
  '/tmp',
  '/mnt',
  '/media',
];

/** `/` for what lies in it. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}

function files(wanted: InstallSettings, shipped: ShippedFiles, ids: Ids | null): Wanted[] {
  const ours = (path: string, text: string, because: string): Wanted => ({
    kind: 'file',
    path,
    text,
    mode: 0o644,
    isTheirs: false,
    because,
  });
  const theirs = (path: string, text: string, because: string): Wanted => ({
    kind: 'file',
    path,
    text,
    mode: 0o644,
    isTheirs: true,
    because,
  });
  const deployFolder = parentOf(wanted.deployLock);
  return [
    theirs(configurationFile, shipped.exampleConfiguration, 'every key, explained; yours to change'),
    ...(wanted.storageboxUnit === null
      ? []
      : [
          theirs(
            storageboxSettingsFile,
            withIds(shipped.storageboxEnvironment, ids),
            'which storage box, and how it is mounted; yours to change',
          ),
        ]),
    // /run is empty after a boot. Not RuntimeDirectory=: that takes the folder away with the unit that ends first.
    ...(isAtOrBelow(deployFolder, '/run')
      ? [
          ours(
            bootFoldersFile,
            `d ${deployFolder} 0755 root root -\n`,
            'the folder of the deploy lock, at boot',
          ),
        ]
      : []),
    ...Object.entries(wantedUnits(wanted, shipped)).map(([name, text]) =>
      ours(`${unitFolder}/${name}`, text, /^Description=HealthArchive (.*)$/m.exec(text)?.[1] ?? 'a unit'),
    ),
    ours(alertRulesFile, shipped.alertRules, 'alert rules, for rule_files of Prometheus'),
    ours('/usr/local/share/man/man1/healtharchive.1', shipped.manual, 'man healtharchive'),
  ];
}

const shippedWorkerUnit = 'healtharchive-worker.service';
const shippedStorageboxUnit = 'healtharchive-storagebox-sshfs.service';

/** The units as they are shipped, with what the configuration calls otherwise; by their names. */
export function wantedUnits(wanted: InstallSettings, { units }: ShippedFiles): Record<string, string> {
  const named: Record<string, string> = {};
  for (const [name, text] of Object.entries(units)) {
    if (name === shippedStorageboxUnit && wanted.storageboxUnit === null) continue;
    const relaxation = /\.d\/(\w+)\.conf$/.exec(name)?.[1];
    if (relaxation !== undefined && !wanted.relaxations.some((one) => one === relaxation)) continue;
    named[inUse(name, wanted)] = withOwnFolders(inUse(text, wanted), wanted)
      .replaceAll('/srv/healtharchive/ops/', `${wanted.stateDir}/`)
      .replaceAll(/^(User|Group)=healtharchive$/gm, `$1=${wanted.user}`);
  }
  return named;
}

/** Folders that the worker would not see as they are, by an option of its unit (systemd.exec(5)). */
const hidden = { ProtectHome: ['/home', '/root', '/run/user'], PrivateTmp: ['/tmp', '/var/tmp'] } as const;

/** The worker's unit without what would hide its own folders. */
function withOwnFolders(
  text: string,
  { jobsRoot, stateDir, databaseFolder, storageboxMount }: InstallSettings,
): string {
  const own = [jobsRoot, stateDir, databaseFolder, storageboxMount].filter((path) => path !== null);
  return Object.entries(hidden).reduce((unit, [option, folders]) => {
    const isHidden = folders.some((above) => own.some((path) => isAtOrBelow(path, above)));
    return isHidden ? unit.replace(new RegExp(`^${option}=yes$`, 'm'), `${option}=no`) : unit;
  }, text);
}

function inUse(text: string, { workerUnit, storageboxUnit }: InstallSettings): string {
  return text
    .replaceAll(shippedWorkerUnit, workerUnit)
    .replaceAll(shippedStorageboxUnit, storageboxUnit ?? shippedStorageboxUnit);
}

/** The numbers that the box's files are shown with; the example's own while nobody knows them. */
function withIds(text: string, ids: Ids | null): string {
  if (ids === null) return text;
  return text.replaceAll(/\buid=\d+,gid=\d+\b/g, `uid=${ids.uid},gid=${ids.gid}`);
}
