import { mayUse, type SeenWorld } from './seen-world.ts';
import type { Casualty, Repair } from './recovery-plan.ts';

/** Each superblock that is dead already or ends with these repairs: what is mounted of it, and which crawls work on it. */
export function casualtiesOf(repairs: readonly Repair[], seen: SeenWorld): Casualty[] {
  const { table, lifeOf, world } = seen;
  const aborted = new Set(
    repairs.flatMap(({ steps }) => steps.flatMap((step) => (step.kind === 'abort' ? [step.device] : []))),
  );
  const broken = new Set(
    repairs
      .filter(({ steps }) => steps.some(({ kind }) => kind === 'restart'))
      .flatMap(({ breaks }) => breaks.map((path) => table.topmostAt(path)?.device)),
  );
  const casualties = new Map<string, Casualty>();
  for (const { device, source, mountPoint } of table.mounts) {
    const because =
      lifeOf(device) === 'dead'
        ? 'dead already'
        : aborted.has(device)
          ? 'hangs, and is aborted'
          : broken.has(device)
            ? 'lives, and ends with the restart'
            : null;
    if (because === null) continue;
    const paths = [...new Set([...(casualties.get(device)?.paths ?? []), mountPoint])].sort();
    const crawls = world.crawls
      .filter((crawl) => crawl.device !== null && mayUse(crawl, device))
      .map(({ attempt }) => attempt);
    casualties.set(device, { device, source, because, paths, crawls });
  }
  return [...casualties.values()];
}
