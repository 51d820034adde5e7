/** What went wrong with a frontier, by the results of SQLite (sqlite.org/rescode.html). */

/** The file is damaged, or none of SQLite's, or of another version of ours: nothing in it can be relied on. */
export function isUnreadable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error.message.startsWith('a frontier of version') || [11, 26].includes(resultOf(error));
}

/** The errno that says the same of the local disk; null: no such fault. */
export function errnoOfFrontier(error: unknown): string | null {
  if (isUnreadable(error)) return 'EIO';
  return errnos[resultOf(error)] ?? null;
}

const errnos: Readonly<Record<number, string>> = {
  3: 'EACCES',
  7: 'ENOMEM',
  8: 'EROFS',
  10: 'EIO',
  13: 'ENOSPC',
  14: 'EIO',
};

/** The primary result, without what extends it. */
function resultOf(error: unknown): number {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number'
    ? error.errcode & 0xff
    : 0;
}
