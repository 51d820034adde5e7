import { isAtOrBelow } from '../storage/path-relation.ts';
import type { BaseOutlook } from './decide-base.ts';
import type { Casualty, RecoveryStep } from './recovery-plan.ts';
import type { RecoveryWorld } from './recovery-world.ts';

/** Each superblock that is dead already or ends with the plan: what is mounted of it, and who runs there. */
export function blastRadius(
  world: RecoveryWorld,
  base: BaseOutlook,
  aborted: ReadonlySet<string>,
  repair: readonly RecoveryStep[],
): Casualty[] {
  if (repair.length === 0) return [];
  const mounts = [
    ...(world.base?.report.mount
      ? [{ ...world.base, ...world.base.report, mount: world.base.report.mount }]
      : []),
    ...world.paths.flatMap((path) => (path.mount === null ? [] : [{ ...path, mount: path.mount }])),
  ];
  const casualties = new Map<string, Casualty>();
  for (const { path, state, mount } of mounts) {
    const { device, source } = mount;
    const because =
      state === 'dead'
        ? 'dead already'
        : aborted.has(device)
          ? 'hangs, and is aborted'
          : base.dying.has(device)
            ? 'ends when the base is restarted'
            : null;
    if (because === null) continue;
    const before = casualties.get(device);
    const paths = [...new Set([...(before?.paths ?? []), path])].sort();
    const crawls = world.crawls
      .filter(({ outputDir }) => paths.some((dead) => isAtOrBelow(outputDir, dead)))
      .map(({ attempt }) => attempt);
    casualties.set(device, { device, source, because, paths, crawls });
  }
  return [...casualties.values()];
}
