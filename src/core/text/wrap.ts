/**
 * Breaks a text at its spaces so that no line is wider than `width`, where that can be: a longer word stays whole, so that a
 * path or a command can still be copied.
 */
export function wrap(text: string, width: number, first = '', following = '  '): string[] {
  const lines: string[] = [];
  let line = first;
  let isEmpty = true;
  for (const word of text.split(' ')) {
    if (!isEmpty && line.length + 1 + word.length > width) {
      lines.push(line);
      line = following;
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line];
}
