import { closeSync, openSync, readSync } from 'node:fs';

const CHUNK_BYTES = 1 << 16;
/** A longer line is cut: nothing that we read has longer ones, and a damaged file must not fill the memory. */
const MAX_LINE_CHARACTERS = 1 << 16;

/**
 * The complete lines of a file without their newlines, one at a time. A last line without newline is left out: its
 * writer was interrupted. Bytes are taken as Latin-1, which keeps them apart; throws Node's system errors.
 */
export function* linesOfFile(path: string): Generator<string> {
  const fd = openSync(path, 'r');
  try {
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    let unfinished = '';
    for (let read = readSync(fd, buffer); read > 0; read = readSync(fd, buffer)) {
      const pieces = (unfinished + buffer.toString('latin1', 0, read)).split('\n');
      unfinished = (pieces.pop() ?? '').slice(0, MAX_LINE_CHARACTERS);
      yield* pieces;
    }
  } finally {
    closeSync(fd);
  }
}
