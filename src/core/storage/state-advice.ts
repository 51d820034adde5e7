import { conditions, storageCondition } from '../report/conditions.ts';
import type { StorageState } from './path-state.ts';

/** What a path is to us: that decides what mounts it. */
export type PathRole =
  /** Where the storage box is mounted. */
  | 'base'
  /** A hot path that is a bind of its cold path. */
  | 'bind'
  /** A hot path with a mount unit of its own. */
  | 'unit'
  /** Any other: nothing of ours mounts it. */
  | 'other';

/** One thing to do. */
export interface NextStep {
  /** To be typed as it is; null: nothing can be typed, `because` says what to look at. */
  readonly command: string | null;
  /** Empty for a command that speaks for itself. */
  readonly because: string;
}

/** The order in which states are shown: what leads data astray, what only mounting anew can mend, what may heal. */
export const urgency: readonly StorageState[] = [
  'wrong_source',
  'dead',
  'missing',
  'unwritable',
  'hung',
  'degraded',
  'denied',
  'unknown',
  'healthy',
];

/** What a state means for those who use the path: a phrase. */
export function meaningOfState(state: StorageState): string {
  return state === 'healthy'
    ? 'answers, and is what it should be'
    : conditions[storageCondition(state)].meaning;
}

/** What a person does about a path in this state; `unit` is that of its mount, where there is one. */
export function nextSteps(state: StorageState, role: PathRole, unit: string | null): readonly NextStep[] {
  switch (state) {
    case 'healthy':
      return [];
    case 'dead':
      return mountAgain('restart', '--repair-stale-mounts', role, unit);
    case 'missing':
      return mountAgain('start', null, role, unit);
    case 'wrong_source':
      if (role === 'bind')
        return [tier('--repair-unexpected-mounts', 'shows the plan; look at what lies there before --apply')];
      return [toLookAt(state)];
    case 'hung':
    case 'degraded':
      return [...(unit === null ? [] : [journal(unit)]), toLookAt(state)];
    case 'unwritable':
    case 'denied':
      return [toLookAt(state)];
    case 'unknown':
      return [{ ...toLookAt(state), command: 'healtharchive storage status' }];
  }
}

/** Nothing that can be typed: what the registry says. */
function toLookAt(state: Exclude<StorageState, 'healthy'>): NextStep {
  return { command: null, because: conditions[storageCondition(state)].next };
}

const acceptWhatIsThere: NextStep = {
  command: 'healtharchive storage tier --accept-new-archive PATH',
  because: 'if what is there now is right; else:',
};

function mountAgain(
  verb: 'start' | 'restart',
  option: string | null,
  role: PathRole,
  unit: string | null,
): NextStep[] {
  if (role === 'bind') return [tier(option, 'shows the plan; --apply carries it out')];
  if (unit === null) {
    const byHand = { command: null, because: 'mount it again the way it was; nothing of ours mounts it' };
    return verb === 'restart' ? [byHand] : [acceptWhatIsThere, byHand];
  }
  return [
    { command: `systemctl ${verb} ${unit}`, because: 'as root' },
    ...(verb === 'start' ? [journal(unit)] : []),
  ];
}

function tier(option: string | null, because: string): NextStep {
  return { command: `healtharchive storage tier${option === null ? '' : ` ${option}`}`, because };
}

function journal(unit: string): NextStep {
  return { command: `journalctl -n 20 -u ${unit}`, because: '' };
}
