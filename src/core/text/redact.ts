/** What stands in place of a secret. */
const hidden = '[hidden]';

/** Names that people give to what only some may know: `password`, `DB_PASSWD`, `api-key`, `access_token`, ... */
const secretName = String.raw`[\w-]{0,40}(?:passw(?:or)?d|passphrase|secret|token|credentials?|api[_-]?key|private[_-]?key|signature)`;
const equals = String.raw`\\?["']?\s*[:=]\s*`;
/** In quotes with escapes in it, in quotes that are escaped themselves, in single quotes, or up to the next separator. */
const value = String.raw`"(?:[^"\\]|\\.)*"?|\\"(?:[^"\\]|\\[^"])*(?:\\")?|'[^']*'?|[^\s,;&"'\\]+`;

const rules: readonly [RegExp, string][] = [
  // Keys as PEM writes them (RFC 7468), cut off or whole.
  [/-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----[\s\S]*?(?:-----END \1-----|$)/g, hidden],
  // User and password of an address (RFC 3986, section 3.2.1), up to the last @ before its path.
  [/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/?#"'<>]*@/gi, `$1${hidden}@`],
  // HTTP's Authorization header (RFC 9110, section 11.6.2), and the like.
  [/((?:proxy-)?authorization|(?:set-)?cookie)(["']?\s*[:=]\s*)[^\r\n]+/gi, `$1$2${hidden}`],
  [new RegExp(`\\b(${secretName})(${equals})(?:${value})`, 'gi'), `$1$2${hidden}`],
  // As an argument of its own, after an option that says what it is.
  [new RegExp(String.raw`(--${secretName})(\s+)(?!-)\S+`, 'gi'), `$1$2${hidden}`],
];

/**
 * Text that may be shown to people who must not know the secrets in it: passwords in addresses, in assignments, in options, in
 * headers, and private keys. It goes by form, so what has none of these forms passes.
 */
export function redact(text: string): string {
  return rules.reduce((rest, [pattern, replacement]) => rest.replace(pattern, replacement), text);
}

/** A document without secrets: as `redact`, and whatever has the name of a secret. Maps become objects, sets arrays. */
export function redactedJson(document: unknown): string {
  const isSecret = new RegExp(`^${secretName}$`, 'i');
  const show = (name: string, value: unknown): unknown => {
    if (isSecret.test(name)) return hidden;
    if (typeof value === 'string') return redact(value);
    if (value instanceof Map) return Object.fromEntries(value);
    return value instanceof Set ? [...value] : value;
  };
  return JSON.stringify(document, show, 1);
}
