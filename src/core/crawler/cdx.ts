/**
 * The CDX files that wget writes beside its WARC files: one line per response record, none for revisit records.
 * Fields ` CDX a b a m s k r M V g u`: URL, time, URL, type, status, SHA-1 (base 32), redirect, -, offset, file, record.
 */
export interface CdxEntry {
  readonly url: string;
  readonly status: number;
  /** Where the server redirects to, decoded from the CDX; null: nowhere. It may be relative to `url`. */
  readonly redirect: string | null;
  /** Bytes from the start of the WARC file. */
  readonly offset: number;
  /** The WARC file's name without folders. */
  readonly file: string;
  /** The line itself. */
  readonly line: string;
}

export const CDX_HEADER = ' CDX a b a m s k r M V g u';

const FIELDS = 11;
const RECORD_ID = /^<urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}>$/i;

/** Null for the header, and for anything that is not exactly a line as wget writes it (a crash can leave half a line). */
export function parseCdxLine(line: string): CdxEntry | null {
  const fields = line.split(' ');
  if (fields.length !== FIELDS) return null;
  const [
    url = '',
    time = '',
    again,
    ,
    status = '',
    digest = '',
    redirect = '',
    ,
    offset = '',
    path = '',
    id = '',
  ] = fields;
  if (url === '' || url !== again || !/^\d{14}$/.test(time) || !/^\d{3}$/.test(status)) return null;
  if (!/^[A-Z2-7]{32}$/.test(digest) || !/^\d{1,15}$/.test(offset) || !RECORD_ID.test(id)) return null;
  const file = path.slice(path.lastIndexOf('/') + 1);
  if (!file.endsWith('.warc.gz')) return null;
  const target = redirect === '-' ? null : unescaped(redirect);
  return { url, status: Number(status), redirect: target, offset: Number(offset), file, line };
}

/** wget escapes the colon of a redirect's scheme. */
function unescaped(text: string): string {
  return text.replace(/%3A/gi, ':');
}
