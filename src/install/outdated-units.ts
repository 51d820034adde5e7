import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { unitFolder } from '../core/install/layout.ts';
import type { UnitStart } from '../effects/systemd.ts';

/** Units that are active as their files were before: those were changed since. */
export function outdatedUnits(starts: readonly UnitStart[]): string[] {
  return starts
    .filter(({ unit, activeSinceMs }) => activeSinceMs !== null && (changedAtMs(unit) ?? 0) > activeSinceMs)
    .map(({ unit }) => unit);
}

/** When the unit's file was written, or one of its drop-ins; null: it has none of an administrator's. */
function changedAtMs(unit: string): number | null {
  const path = join(unitFolder, unit);
  const stamps = [path, ...dropIns(`${path}.d`)].flatMap(
    (file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? [],
  );
  return stamps.length === 0 ? null : Math.max(...stamps);
}

function dropIns(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.conf'))
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}
