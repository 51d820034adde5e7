/** Lines of CDXJ, the index that replay tools read beside WARC files (pywb: `SURT timestamp JSON`). */
export interface Indexed {
  readonly url: string;
  /** ISO 8601. */
  readonly date: string;
  readonly status: number;
  /** Media type; null: the server named none. */
  readonly mime: string | null;
  /** `sha1:...` */
  readonly digest: string;
  readonly offset: number;
  readonly length: number;
  /** Name without folders. */
  readonly file: string;
  readonly isRevisit: boolean;
}

export function cdxjLine({
  url,
  date,
  status,
  mime,
  digest,
  offset,
  length,
  file,
  isRevisit,
}: Indexed): string {
  const fields = {
    url,
    mime: isRevisit ? 'warc/revisit' : (mime ?? 'unk'),
    status: String(status),
    digest,
    length: String(length),
    offset: String(offset),
    filename: file,
  };
  return `${surt(url)} ${date.replace(/\D/g, '').slice(0, 14)} ${JSON.stringify(fields)}\n`;
}

/**
 * Sort-friendly URI reordering transform: `http://www.a.example/B?x=1` is `example,a)/b?x=1`. What differs only by www, case, port of
 * the scheme or order of the query is one, as readers expect of an index key.
 */
export function surt(url: string): string {
  const { hostname, port, pathname, search } = new URL(url);
  const host = hostname.replace(/^www\d*\./, '');
  // An address has no order to turn round.
  const isAddress = /^[\d.]+$|^\[/.test(host);
  const name = isAddress ? host : host.split('.').reverse().join(',');
  const query = search.slice(1).split('&').toSorted().join('&');
  const path = pathname === '/' ? '/' : pathname.replace(/\/$/, '');
  return `${name}${port === '' ? '' : `:${port}`})${path}${query === '' ? '' : `?${query}`}`.toLowerCase();
}
