import type { Refusal, Why } from '../plan.ts';

/** `holdsBack`: recovery would mend it, but for this. */
export function refuse(
  { path }: { readonly path: string },
  { code, because }: Why,
  holdsBack = false,
): Refusal {
  return { code, because, path, holdsBack };
}

/** What concerns everything at once. */
export function general(code: Refusal['code'], because: string, holdsBack = true): Refusal {
  return { code, because, path: null, holdsBack };
}
