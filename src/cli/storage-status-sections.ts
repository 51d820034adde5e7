/** Parts of the page of `storage status` that are about no state of a path. */
import type { Configuration } from '../config/schema.ts';
import { describeShadowed, type Shadowed } from '../core/storage/shadowed-data.ts';
import { escapeForTerminal } from '../core/text/escape.ts';
import { wrap } from '../core/text/wrap.ts';
import { conditions } from '../core/report/conditions.ts';
import type { MountRefusal } from '../core/units/mount-log.ts';
import type { Survey } from '../hot-paths/survey.ts';
import { andMore, describeSteps, labelled, maxListed, pathLine } from './storage-status-layout.ts';

export function describeUnknownJobs(
  { because, fix }: { because: string; fix: string | null },
  width: number,
): string[] {
  return [
    ...wrap(
      'JOBS NOT KNOWN: only the paths of the manifest and of [[hot_mounts]] are below; there may be more.',
      width,
    ),
    ...labelled('seen', [escapeForTerminal(because)], width),
    ...(fix === null ? [] : labelled('next', [escapeForTerminal(fix)], width)),
  ];
}

export function describeRefusal(unit: string, { obstacle, line }: MountRefusal, width: number): string[] {
  const { meaning: means, next } = conditions[obstacle];
  const title = obstacle.toUpperCase().replaceAll('_', ' ');
  return [
    ...wrap(`${title}: ${means}. This does not heal by itself.`, width),
    `  ${escapeForTerminal(unit)}`,
    ...labelled('seen', [escapeForTerminal(line)], width),
    ...describeSteps(
      [
        { command: `journalctl -n 40 -u ${unit}`, because: '' },
        { command: null, because: next },
      ],
      width,
    ),
  ];
}

export function describeManifest(
  { manifestProblems }: Survey,
  { tiering }: Configuration,
  width: number,
): string[] {
  const shown = manifestProblems.slice(0, maxListed).map(({ line, message }) => {
    return escapeForTerminal(line === null ? message : `line ${line}: ${message}`);
  });
  const rest = manifestProblems.length - shown.length;
  return [
    ...wrap('MANIFEST: lines that are refused count for nothing; their paths may not be mounted.', width),
    ...labelled('seen', [...shown, ...(rest > 0 ? [`and ${rest} more`] : [])], width),
    ...labelled('next', [`mend ${escapeForTerminal(tiering.manifest)}`], width),
  ];
}

export function describeForeign({ foreign }: Survey, width: number): string[] {
  const points = [...foreign.values()].flat();
  return [
    ...wrap(
      'FOREIGN MOUNT: something is mounted inside a hot path. What is written there ends up elsewhere, so no crawl writes into it.',
      width,
    ),
    ...points.slice(0, maxListed).map((point) => `  ${escapeForTerminal(point)}`),
    ...andMore(points.length),
    ...labelled('next', ['find out who mounted it; unmount it by hand, or give it a line of its own'], width),
  ];
}

export function describeShadowedPaths({ shadowed }: Survey, column: number, width: number): string[] {
  const found = [...shadowed].filter(([, { kind }]) => kind !== 'uncounted');
  const uncounted = [...shadowed].filter(([, { kind }]) => kind === 'uncounted');
  const listed = (paths: readonly (readonly [string, Shadowed])[]): string[] => [
    ...paths
      .slice(0, maxListed)
      .map(([path, data]) =>
        pathLine({ path: escapeForTerminal(path), who: describeShadowed(data) }, column),
      ),
    ...andMore(paths.length),
  ];
  const page: string[] = [];
  if (found.length > 0)
    page.push(
      '',
      ...wrap(
        'SHADOWED DATA: files lie in the local directory where the mount is, or should be. They may be the only copy.',
        width,
      ),
      ...listed(found),
      ...labelled('next', ['merge them by hand: docs/storage-tiering.md, "Files under a mount"'], width),
    );
  if (uncounted.length > 0)
    page.push(
      '',
      ...wrap('NOT COUNTED: whether files lie under these mounts is not known this time.', width),
      ...listed(uncounted),
    );
  return page;
}
