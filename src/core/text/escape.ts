/**
 * Text from outside made safe to show in a terminal or a log line: control characters (C0, DEL, C1), bidirectional
 * overrides, line separators and lone surrogates become escapes, and a backslash is doubled so that the result can be
 * read back. A terminal would act on the raw ones.
 */
export function escapeForTerminal(text: string): string {
  return text.replace(
    // eslint-disable-next-line no-control-regex -- control characters are what it is about
    /[\\\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g,
    (character) => {
      switch (character) {
        case '\\':
          return '\\\\';
        case '\n':
          return '\\n';
        case '\r':
          return '\\r';
        case '\t':
          return '\\t';
        default:
          return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
      }
    },
  );
}

/** As escapeForTerminal, cut to `maxCharacters` with an ellipsis, for table cells. */
export function escapeToWidth(text: string, maxCharacters: number): string {
  const escaped = escapeForTerminal(
    text.length > 4 * maxCharacters ? text.slice(0, 4 * maxCharacters) : text,
  );
  return escaped.length <= maxCharacters ? escaped : `${escaped.slice(0, maxCharacters - 1)}…`;
}
