import { general, refuse, type Refusal, type Step } from '../plan.ts';
import { isBelow } from '../storage/path-relation.ts';
import { type Ids, unitFolder, type Wanted } from './layout.ts';

/** What lies at a path, links not followed. `mounted`: something is mounted there, and it is not looked at. */
export type Found =
  | { readonly kind: 'nothing' | 'mounted' }
  | { readonly kind: 'folder'; readonly ids: Ids; readonly mode: number }
  | { readonly kind: 'file'; readonly ids: Ids; readonly mode: number; readonly text: string | null }
  | { readonly kind: 'link'; readonly target: string }
  | { readonly kind: 'other' };

export interface InstallWorld {
  readonly isRoot: boolean;
  /** Users that are there, by name. */
  readonly users: ReadonlyMap<string, Ids>;
  readonly paths: ReadonlyMap<string, Found>;
  /** Releases that lie there whole. */
  readonly releases: ReadonlySet<string>;
  /** Systemd has not read units anew that have changed since; false where there is none. */
  readonly needsReload: boolean;
}

export type InstallStep = Step & {
  readonly kind: 'user' | 'folder' | 'owner' | 'file' | 'link' | 'release' | 'reload';
  /** Of a user's: the name. */
  readonly user?: string;
  /** Absent for `reload`. */
  readonly wanted?: Wanted;
  /** Of a file that is replaced: what it says now. */
  readonly before?: string;
};

export interface InstallPlan {
  readonly steps: readonly InstallStep[];
  readonly refusals: readonly Refusal[];
}

/** What is missing, or not as it should be, in the order in which it is made. What is there and right is left alone. */
export function decideInstall(world: InstallWorld, wanted: readonly Wanted[]): InstallPlan {
  const steps: InstallStep[] = [];
  const refusals: Refusal[] = [];
  for (const one of wanted) {
    const made = one.kind === 'user' ? userStep(world, one) : pathStep(world, one);
    if (made === null) continue;
    if ('code' in made) refusals.push(made);
    else steps.push(made);
  }
  const areUnitsChanged = steps.some(({ kind, path }) => kind === 'file' && isUnit(path));
  if (areUnitsChanged || world.needsReload)
    steps.push({ kind: 'reload', path: null, because: 'units have changed: systemd reads them anew' });
  if (!world.isRoot && steps.length > 0)
    refusals.push(general('needs_root', 'an installation is root’s; without --apply the plan is shown'));
  return { steps, refusals };
}

const isUnit = (path: string | null): boolean => path !== null && isBelow(path, unitFolder);

type Made = InstallStep | Refusal | null;

function userStep({ users }: InstallWorld, wanted: Wanted & { kind: 'user' }): Made {
  return users.has(wanted.name)
    ? null
    : { kind: 'user', path: null, user: wanted.name, because: wanted.because, wanted };
}

function pathStep(world: InstallWorld, wanted: Exclude<Wanted, { kind: 'user' }>): Made {
  const { kind, path, because } = wanted;
  if (kind === 'release') return world.releases.has(path) ? null : { kind, path, because, wanted };
  const found = world.paths.get(path) ?? { kind: 'nothing' };
  if (found.kind === 'mounted') return null;
  if (found.kind === 'nothing') return { kind, path, because, wanted };
  if (found.kind !== kind)
    return refuse(
      { path },
      {
        code: 'install_in_the_way',
        because: `${article[found.kind]} lies where ${article[kind]} belongs (${because})`,
      },
      true,
    );
  switch (wanted.kind) {
    case 'folder':
      return found.kind === 'folder' ? ownerStep(world, wanted, found) : null;
    case 'link':
      return found.kind === 'link' && found.target !== wanted.target
        ? { kind, path, because: `leads to ${found.target}; ${because}`, wanted }
        : null;
    case 'file':
      return found.kind === 'file' ? fileStep(wanted, found) : null;
  }
}

const article = {
  folder: 'a folder',
  file: 'a file',
  link: 'a symbolic link',
  other: 'something else',
} as const;

function ownerStep(
  world: InstallWorld,
  wanted: Wanted & { kind: 'folder' },
  found: Found & { kind: 'folder' },
): InstallStep | null {
  const ids = wanted.owner === 'root' ? { uid: 0, gid: 0 } : world.users.get(wanted.owner);
  if (wanted.isTheirs) return null;
  const isOwn = found.ids.uid === ids?.uid && found.ids.gid === ids.gid;
  if (isOwn && found.mode === wanted.mode) return null;
  const now = `is ${found.ids.uid}:${found.ids.gid}, ${octal(found.mode)}`;
  const because = `${now}; ${wanted.owner}’s, ${octal(wanted.mode)}: ${wanted.because}`;
  return { kind: 'owner', path: wanted.path, because, wanted };
}

function fileStep(wanted: Wanted & { kind: 'file' }, found: Found & { kind: 'file' }): InstallStep | null {
  if (wanted.isTheirs) return null;
  const { path, because } = wanted;
  if (found.text !== wanted.text)
    return {
      kind: 'file',
      path,
      because: `${because}; what is there is kept as ${path}~`,
      wanted,
      before: found.text ?? '',
    };
  const isRoots = found.ids.uid === 0 && found.ids.gid === 0 && found.mode === wanted.mode;
  return isRoots
    ? null
    : { kind: 'owner', path, because: `root’s, ${octal(wanted.mode)}: ${because}`, wanted };
}

const octal = (mode: number): string => mode.toString(8).padStart(3, '0');
