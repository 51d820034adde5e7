/** What a terminal would act on, or what would make a line read differently from what it holds. */
const unsafe = /[\\\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}\ufeff]/gu;

/**
 * Text from outside made safe to show in a terminal or a log line: control characters (C0, DEL, C1), bidirectional
 * controls, line separators and lone surrogates become escapes, and a backslash is doubled so that the result can be
 * read back.
 */
export function escapeForTerminal(text: string): string {
  return text.replace(unsafe, (character) => {
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
  });
}

/** As escapeForTerminal, cut to `maxCharacters` with an ellipsis, for table cells. */
export function escapeToWidth(text: string, maxCharacters: number): string {
  const escaped = escapeForTerminal(
    text.length > 4 * maxCharacters ? text.slice(0, 4 * maxCharacters) : text,
  );
  if (escaped.length <= maxCharacters) return escaped;
  // Half of a surrogate pair is no character.
  return `${escaped.slice(0, maxCharacters - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}
