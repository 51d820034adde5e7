/** Bytes of a page to text, as browsers do it: byte order mark, then the header, then what the page says of itself. */

const bom: readonly (readonly [readonly number[], string])[] = [
  [[0xef, 0xbb, 0xbf], 'utf-8'],
  [[0xfe, 0xff], 'utf-16be'],
  [[0xff, 0xfe], 'utf-16le'],
];
/** Where a page must say it, by the HTML standard ("prescan a byte stream"). */
const prescanBytes = 1024;
const judgedBytes = 64 * 1024;

/**
 * @param contentType the header's value; null: there is none
 * @param fallback for what says nothing of itself: `windows-1252` for HTML, `utf-8` for style sheets
 */
export function pageText(
  bytes: Uint8Array,
  contentType: string | null,
  fallback: 'windows-1252' | 'utf-8',
): string {
  const label =
    bom.find(([mark]) => mark.every((byte, index) => bytes[index] === byte))?.[1] ??
    charsetOf(contentType ?? '') ??
    charsetInPage(bytes) ??
    (fallback === 'windows-1252' && !isUtf8(bytes) ? fallback : 'utf-8');
  return decode(bytes, label) ?? decode(bytes, 'utf-8') ?? '';
}

/** `text/html` of `Text/HTML; charset=x`; empty without a header. */
export function mediaType(contentType: string | null): string {
  return (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

function charsetOf(text: string): string | null {
  return /charset\s*=\s*["']?\s*([\w:.+-]+)/i.exec(text)?.[1] ?? null;
}

function charsetInPage(bytes: Uint8Array): string | null {
  const start = Buffer.from(bytes.subarray(0, prescanBytes)).toString('latin1');
  const css = /^@charset "([^"]+)";/.exec(start)?.[1];
  if (css !== undefined) return css;
  for (const [tag] of start.matchAll(/<meta\s[^>]*>/gi)) {
    const label = charsetOf(tag);
    // What could be read as ASCII so far is no UTF-16.
    if (label !== null) return /^utf-?16/i.test(label) ? 'utf-8' : label;
  }
  return /^<\?xml[^>]*\sencoding\s*=\s*["']([\w:.+-]+)["']/.exec(start)?.[1] ?? null;
}

/** By its beginning; a character that is cut off there is no error. */
function isUtf8(bytes: Uint8Array): boolean {
  const start = bytes.subarray(0, judgedBytes);
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(start, { stream: start.length < bytes.length });
    return true;
  } catch {
    return false;
  }
}

function decode(bytes: Uint8Array, label: string): string | null {
  try {
    return new TextDecoder(label).decode(bytes);
  } catch {
    return null;
  }
}
