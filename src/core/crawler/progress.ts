/**
 * Reads a crawler's log as it grows. Written for wget --no-verbose; of other crawlers' logs only what looks the same
 * counts. The log holds text from web servers, so a line is read only up to a limit and matched from its start: no
 * page address can pass for an error message.
 */
export interface CrawlProgress {
  /** Successful downloads, robots.txt left out, and answers of status 4xx and 5xx. */
  readonly pages: number;
  readonly errorPages: number;
  readonly bytes: number;
  /** The last URL that was downloaded. */
  readonly currentUrl: string | null;
  /** The crawler said that it can't write the archive. wget goes on crawling then, and archives nothing more. */
  readonly archiveUnwritable: boolean;
  /** Errno names of storage errors in the order of their first appearance. */
  readonly storageErrnos: readonly string[];
  /** The unfinished last line, at most `MAX_LINE_CHARACTERS`. */
  readonly unfinished: string;
  /** wget names the URL of an error answer on a line of its own, before the answer. */
  readonly announcedUrl: string | null;
}

/** Told of each answer that the log names. */
export type OnAnswer = (url: string, answer: 'downloaded' | 'http_error') => void;

export const noProgress: CrawlProgress = {
  pages: 0,
  errorPages: 0,
  bytes: 0,
  currentUrl: null,
  archiveUnwritable: false,
  storageErrnos: [],
  unfinished: '',
  announcedUrl: null,
};

/** Longer than any URL that servers accept; the rest of a longer line is dropped. */
export const MAX_LINE_CHARACTERS = 32_768;

/** The texts of strerror(3), as wget prints them. Not those that a network connection gives as well. */
const STORAGE_ERRORS: Readonly<Record<string, string>> = {
  'Transport endpoint is not connected': 'ENOTCONN',
  'Stale file handle': 'ESTALE',
  'Input/output error': 'EIO',
  'Read-only file system': 'EROFS',
  'No space left on device': 'ENOSPC',
  'Disk quota exceeded': 'EDQUOT',
  'No such device': 'ENODEV',
  'Permission denied': 'EACCES',
};

const DOWNLOADED = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d URL:\s*(\S+) \[(\d{1,14})(?:\/\d+)?\] -> "/;
const HTTP_ERROR = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ERROR [45]\d\d: /;
const ANNOUNCED = /^(https?:\/\/\S+):$/;
const ARCHIVE_UNWRITABLE =
  /^(?:Cannot write to WARC file|Error opening WARC file |Could not open WARC file|Error writing warcinfo record|Could not open (?:temporary )?WARC|Could not open CDX file)/;
/** `pathconf: TEXT`, `/path: TEXT` or `Cannot write to PATH (TEXT).`; a URL can begin no such line. */
const FILE_ERROR =
  /^(?:(?:pathconf|\/[^:]*|warcs\/[^:]*): |Cannot write to .* \()([A-Z][A-Za-z/ -]+?)(?:\))?\.?$/;

/** The progress after `chunk`, which may end anywhere in a line. */
export function advanceProgress(progress: CrawlProgress, chunk: string, onAnswer?: OnAnswer): CrawlProgress {
  let next = progress;
  let start = 0;
  let unfinished = progress.unfinished;
  for (let end = chunk.indexOf('\n'); end !== -1; end = chunk.indexOf('\n', start)) {
    next = withLine(next, bounded(unfinished, chunk, start, end), onAnswer);
    unfinished = '';
    start = end + 1;
  }
  return { ...next, unfinished: bounded(unfinished, chunk, start, chunk.length) };
}

/** True for /robots.txt at the top of a host, which crawlers read for themselves. */
export function isRobotsTxt(url: string): boolean {
  return /^https?:\/\/[^/]+\/robots\.txt$/.test(url);
}

function bounded(unfinished: string, chunk: string, start: number, end: number): string {
  return unfinished + chunk.slice(start, Math.min(end, start + MAX_LINE_CHARACTERS - unfinished.length));
}

function withLine(progress: CrawlProgress, line: string, onAnswer?: OnAnswer): CrawlProgress {
  const [, url, bytes] = DOWNLOADED.exec(line) ?? [];
  if (url !== undefined) {
    onAnswer?.(url, 'downloaded');
    const pages = progress.pages + (isRobotsTxt(url) ? 0 : 1);
    return { ...progress, pages, bytes: progress.bytes + Number(bytes), currentUrl: url };
  }
  if (HTTP_ERROR.test(line)) {
    if (progress.announcedUrl !== null) onAnswer?.(progress.announcedUrl, 'http_error');
    return { ...progress, errorPages: progress.errorPages + 1, announcedUrl: null };
  }
  const announcedUrl = ANNOUNCED.exec(line)?.[1];
  if (announcedUrl !== undefined) return { ...progress, announcedUrl };
  const archiveUnwritable = progress.archiveUnwritable || ARCHIVE_UNWRITABLE.test(line);
  const errno = STORAGE_ERRORS[FILE_ERROR.exec(line)?.[1] ?? ''];
  const isNew = errno !== undefined && !progress.storageErrnos.includes(errno);
  const storageErrnos = isNew ? [...progress.storageErrnos, errno] : progress.storageErrnos;
  return { ...progress, archiveUnwritable, storageErrnos };
}
