/** Questions about absolute, normalised paths that need no file system. */

/** True when `path` is `ancestor` or lies below it. */
export function isAtOrBelow(path: string, ancestor: string): boolean {
  return path === ancestor || isBelow(path, ancestor);
}

/** True when `path` lies strictly below `ancestor`. */
export function isBelow(path: string, ancestor: string): boolean {
  return path !== ancestor && path.startsWith(ancestor === '/' ? '/' : ancestor + '/');
}

/** True when one of them is the other, or lies in it. */
export function isNear(path: string, other: string): boolean {
  return isAtOrBelow(path, other) || isBelow(other, path);
}

/** `a/b` for `/x/a/b` below `/x`; empty for the same path; undefined when it does not lie there. */
export function relativeTo(path: string, ancestor: string): string | undefined {
  if (path === ancestor) return '';
  if (!isBelow(path, ancestor)) return undefined;
  return path.slice(ancestor === '/' ? 1 : ancestor.length + 1);
}

export function joinBelow(ancestor: string, relative: string): string {
  if (relative === '') return ancestor;
  return ancestor === '/' ? `/${relative}` : `${ancestor}/${relative}`;
}

/** `/`, `/a`, `/a/b` for `/a/b`. */
export function withAncestors(path: string): string[] {
  const result = ['/'];
  for (let slash = path.indexOf('/', 1); slash !== -1; slash = path.indexOf('/', slash + 1)) {
    result.push(path.slice(0, slash));
  }
  if (path !== '/') result.push(path);
  return result;
}

/** Absolute, and free of `.`, `..`, doubled and trailing slashes. */
export function isNormalised(path: string): boolean {
  return path === '/' || /^(\/(?!\.{1,2}(\/|$))[^/\0]+)+$/.test(path);
}
