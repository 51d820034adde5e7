/** What lies in the local directory under a mount, or where a mount is missing. */
export interface ShadowedData {
  /** Everything but directories. */
  readonly files: number;
  readonly bytes: number;
  /** There was more than could be counted in time. */
  readonly isAtLeast: boolean;
}

/** `3 files (120 bytes)`. */
export function describeShadowed({ files, bytes, isAtLeast }: ShadowedData): string {
  const more = isAtLeast ? 'at least ' : '';
  return `${more}${files} file${files === 1 ? '' : 's'} (${bytes} bytes)`;
}
