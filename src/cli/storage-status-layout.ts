/** Parts that the page of `storage status` is set with: lists that end somewhere, labelled texts, commands to copy. */
import type { NextStep } from '../core/storage/state-advice.ts';
import { wrap } from '../core/text/wrap.ts';

/** Paths of one state that are listed: more are of no help on a screen, and all of them are in the JSON. */
export const maxListed = 20;

/** Each command on a line for itself, so that it can be copied; what it is for beside it, or above where that is too wide. */
export function describeSteps(steps: readonly NextStep[], width: number): string[] {
  const fits = (command: string, because: string): boolean =>
    labelWidth + command.length + 4 + because.length <= width;
  const column = Math.max(
    0,
    ...steps.map(({ command, because }) => (command !== null && fits(command, because) ? command.length : 0)),
  );
  const lines = steps.flatMap(({ command, because }) => {
    if (command === null) return [because];
    if (because === '') return [command];
    if (!fits(command, because)) return [`# ${because}:`, command];
    const padded = command.padEnd(column);
    return [`${fits(padded, because) ? padded : command}  # ${because}`];
  });
  return labelled('next', lines, width);
}

/** What is said of those that are not listed. */
export function andMore(count: number): string[] {
  return count > maxListed
    ? [`  and ${count - maxListed} more; all of them: healtharchive storage status --json`]
    : [];
}

/** A path, and beside or below it who needs it. */
export function pathLine(
  { path, who }: { readonly path: string; readonly who: string },
  column: number,
): string {
  if (path.length > column && who !== '') return `  ${path}\n      ${who}`;
  return `  ${path.padEnd(column)}  ${who}`.trimEnd();
}

const labelWidth = '  next  '.length;

/** `  next  text`, what follows below it. */
export function labelled(label: string, texts: readonly string[], width: number): string[] {
  return texts.flatMap((text, index) =>
    wrap(text, width, index === 0 ? `  ${label}  ` : ' '.repeat(labelWidth), ' '.repeat(labelWidth)),
  );
}
