import type { Refusal } from '../plan.ts';
import type { VerifyStep } from '../tiering/tiering-plan.ts';
import type { ClearStep, RestartStep } from './recovery-plan.ts';
import type { WatchedPath } from './recovery-world.ts';
import { refuse } from './refusals.ts';
import { unitActivity, whyUnusable } from '../units/unit-activity.ts';

export interface UnitMountDecision {
  readonly clear: ClearStep | null;
  readonly restart: RestartStep | null;
  readonly verify: VerifyStep | null;
  readonly refusals: readonly Refusal[];
}

const nothing: UnitMountDecision = { clear: null, restart: null, verify: null, refusals: [] };

/** A hot path with a mount of its own: only its unit can mount it. What is left of the dead mount is taken off before. */
export function decideUnitMount(path: WatchedPath, crawls: readonly string[]): UnitMountDecision {
  const { unit, unitState, mount } = path;
  if (path.state === 'healthy' || unit === null) return nothing;
  const refused = (code: string, because: string): UnitMountDecision => ({
    ...nothing,
    refusals: [refuse(code, path, because, true)],
  });
  const unusable = whyUnusable(unit, unitState);
  if (unusable !== null || unitState === null) return refused('unit_unusable', unusable ?? '');
  if (crawls.length > 0) return refused('crawl_running', `a crawl runs on it (${crawls.join(', ')})`);
  const inner = path.inner[0];
  if (inner !== undefined)
    return refused('mounts_below', `${inner}, below it, is mounted and would be hidden`);
  const activity = unitActivity(unitState);
  // A unit that is just starting may be the one that put the mount there.
  const isClearing = path.state === 'dead' && mount !== null && activity !== 'starting';
  return {
    clear: isClearing
      ? {
          kind: 'clear',
          path: path.path,
          because: path.reason,
          unit,
          expects: { mountId: mount.id, device: mount.device },
        }
      : null,
    restart: {
      kind: 'restart',
      path: path.path,
      because: activity === 'idle' ? path.reason : `${path.reason}; systemd is starting ${unit} already`,
      unit,
      isBase: false,
      isWaiting: activity !== 'idle',
    },
    verify: {
      kind: 'verify',
      path: path.path,
      because: 'mounted is not yet usable: state, identity and a written file as the worker’s user',
    },
    refusals: [],
  };
}
