import type { Refusal } from '../plan.ts';

export function refuse(
  code: string,
  { path }: { readonly path: string },
  because: string,
  holdsBack = false,
): Refusal {
  return { code, because, path, holdsBack };
}

/** What concerns everything at once. */
export function general(code: string, because: string): Refusal {
  return { code, because, path: null, holdsBack: true };
}
