import { unescapeMountField } from './mountinfo.ts';
import { isAtOrBelow, isBelow, isNormalised } from './path-relation.ts';

/** One usable line of the tiering manifest: the directory on the storage box and the hot path it is bound to. */
export interface ManifestEntry {
  readonly coldPath: string;
  readonly hotPath: string;
  /** Counted from 1. */
  readonly line: number;
}

/** A line that is refused. The other lines still count. */
export interface ManifestProblem {
  /** Counted from 1; null when the whole file is meant. */
  readonly line: number | null;
  readonly message: string;
}

export interface Manifest {
  readonly entries: readonly ManifestEntry[];
  readonly problems: readonly ManifestProblem[];
}

export interface ManifestBounds {
  readonly jobsRoot: string;
  /** The base; every cold path lies strictly below it. */
  readonly boxMount: string;
}

/**
 * Lines of `COLD HOT`, separated by blanks; empty lines and lines that begin with `#` are comments; CRLF is
 * accepted. A blank, tab, newline, backslash or `#` inside a path is written as in fstab(5): `\040 \011 \012 \134
 * \043`. Trailing slashes do not matter.
 */
export function parseManifest(text: string, bounds: ManifestBounds): Manifest {
  const entries: ManifestEntry[] = [];
  const problems: ManifestProblem[] = [];
  const lineOfHotPath = new Map<string, number>();
  const lines = text.replace(/^\uFEFF/, '').split('\n');
  for (const [index, raw] of lines.entries()) {
    const content = raw.replace(/^[ \t]+|[ \t]*\r?$/g, '');
    if (content === '' || content.startsWith('#')) continue;
    const line = index + 1;
    const result = parseLine(content, bounds);
    if ('problem' in result) {
      problems.push({ line, message: result.problem });
      continue;
    }
    const firstLine = lineOfHotPath.get(result.hotPath);
    if (firstLine !== undefined) {
      problems.push({ line, message: `the hot path ${result.hotPath} already stands in line ${firstLine}` });
      continue;
    }
    lineOfHotPath.set(result.hotPath, line);
    entries.push({ ...result, line });
  }
  return { entries, problems };
}

type LineResult = { readonly coldPath: string; readonly hotPath: string } | { readonly problem: string };

function parseLine(content: string, bounds: ManifestBounds): LineResult {
  // A directory of such a name would be another one than the line means.
  if (content.includes('\uFFFD')) return { problem: 'it is not valid UTF-8' };
  const fields = content.split(/[ \t]+/);
  if (fields.length !== 2) {
    return {
      problem: `expected "COLD HOT", found ${fields.length} field${fields.length === 1 ? '' : 's'} (write a blank inside a path as \\040)`,
    };
  }
  const [coldPath, hotPath] = fields.map((field) => withoutTrailingSlash(unescapeMountField(field)));
  if (coldPath === undefined || hotPath === undefined) return { problem: 'expected "COLD HOT"' };
  for (const [word, path] of [
    ['cold', coldPath],
    ['hot', hotPath],
  ] as const) {
    if (!path.startsWith('/')) return { problem: `the ${word} path ${path} is not absolute` };
    if (!isNormalised(path)) return { problem: `the ${word} path ${path} contains ".", ".." or "//"` };
  }
  if (!isBelow(hotPath, bounds.jobsRoot)) {
    return { problem: `the hot path ${hotPath} does not lie below the jobs root ${bounds.jobsRoot}` };
  }
  if (!isBelow(coldPath, bounds.boxMount)) {
    return { problem: `the cold path ${coldPath} does not lie below the storage box ${bounds.boxMount}` };
  }
  if (isAtOrBelow(hotPath, bounds.boxMount)) {
    return { problem: `the hot path ${hotPath} lies on the storage box itself` };
  }
  return { coldPath, hotPath };
}

function withoutTrailingSlash(path: string): string {
  return path.length > 1 ? path.replace(/\/+$/, '') || '/' : path;
}
