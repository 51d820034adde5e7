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
  | { readonly kind: 'unknown'; readonly because: string };

/** `3 files (120 bytes)`. */
export function describeShadowed(shadowed: Shadowed): string {
  if (shadowed.kind === 'unknown') return `not known: ${shadowed.because}`;
  const { files, bytes, isAtLeast } = shadowed;
  const more = isAtLeast ? 'at least ' : '';
  return `${more}${files} file${files === 1 ? '' : 's'} (${bytes} bytes)`;
}
