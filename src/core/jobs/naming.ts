/**
 * A name as part of a path: ASCII letters, digits, dot, dash and underscore, never empty, never `.` or `..`. A name that had to be
 * changed for it (odd characters, more than `maxLength` of them) ends in `~` and a checksum, which no unchanged name does: different
 * names have different segments.
 */
export function pathSegment(name: string, maxLength = 80): string {
  const plain = name
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[-.]+/, '')
    .slice(0, maxLength)
    .replace(/[-.]+$/, '');
  return plain === name && name !== '' ? name : `${plain || 'job'}~${checksum(name)}`;
}

/** Keeps two names apart that look the same once their odd characters are gone (FNV-1a, 32 bits, as hexadecimal). */
function checksum(text: string): string {
  let hash = 0x811c9dc5;
  for (const character of text) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return hash.toString(16).padStart(8, '0');
}

/** At most 32 lower-case letters, digits and dashes, the first one a letter or digit. */
export function isSourceCode(text: string): boolean {
  return /^[a-z0-9][a-z0-9-]{0,31}$/.test(text);
}

/** `hc-20261123T174500Z`: the name of a job that was given none. */
export function defaultJobName(source: string, nowMs: number): string {
  const stamp = new Date(nowMs)
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replace(/[-:]/g, '');
  return `${source}-${stamp}`;
}
