/** What lies in the local directory under a mount, or where a mount is missing. */
export type Shadowed =
  | {
      readonly kind: 'files';
      /** Everything but directories. */
      readonly files: number;
      readonly bytes: number;
      /** There was more than could be counted. */
      readonly isAtLeast: boolean;
    }
  /** The directory can't be read. */
  | { readonly kind: 'unknown'; readonly because: string }
  /** Nobody came to look, mostly because there was no time: which says nothing about it. */
  | { readonly kind: 'uncounted'; readonly because: string };

/** `3 files (120 bytes)`. */
export function describeShadowed(shadowed: Shadowed): string {
  if (shadowed.kind !== 'files') return `not known: ${shadowed.because}`;
  const { files, bytes, isAtLeast } = shadowed;
  const more = isAtLeast ? 'at least ' : '';
  return `${more}${files} file${files === 1 ? '' : 's'} (${bytes} bytes)`;
}
