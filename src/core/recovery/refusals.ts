import type { Refusal } from '../plan.ts';

/** `holdsBack`: recovery would mend it, but for this. */
export function refuse(
  { path }: { readonly path: string },
  { code, because }: { readonly code: string; readonly because: string },
  holdsBack = false,
): Refusal {
  return { code, because, path, holdsBack };
}

/** What concerns everything at once. */
export function general(code: string, because: string, holdsBack = true): Refusal {
  return { code, because, path: null, holdsBack };
}
