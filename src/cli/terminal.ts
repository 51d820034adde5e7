import { writeSync } from 'node:fs';
import { OperatorError } from '../core/errors.ts';
import type { ExitStatusName } from './exit-status.ts';
import { cutToWidth } from './table.ts';

/** Where a command's words go: answers to standard output, everything else to standard error. */
export interface Terminal {
  readonly environment: NodeJS.ProcessEnv;
  readonly isInteractive: boolean;
  /** What its screen can hold; undefined where there is no screen. */
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  /** Whether it shows colours, and its user wants them (https://no-color.org). */
  readonly hasColours: boolean;
  /** Writes a line of the answer. */
  answer(line: string): void;
  /** Writes the whole answer as one JSON document. */
  answerJson(document: unknown): void;
  /** Writes a line that is not part of the answer. */
  say(line: string): void;
  /** Shows, where somebody looks on, what is going on just now, in place of the hint before; '' takes it away. */
  hint(line: string): void;
  /** True once the reader of the answers is gone (`| head`): what goes on answering may stop then. */
  isClosed(): boolean;
  /** What the command ends with when it was carried out; `done` unless it says otherwise. */
  exitStatus: ExitStatusName;
}

/**
 * Writes all of it now, also into a pipe that is full: nothing is lost when the process ends right after.
 * @returns false when nobody reads it any more
 * @throws OperatorError when it can't be written (a full disk)
 */
function writeAll(fd: number, text: string): boolean {
  const bytes = Buffer.from(text);
  for (let written = 0; written < bytes.length;) {
    try {
      written += writeSync(fd, bytes, written);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      // EPIPE: the reader (head, less) has seen enough. EAGAIN: the pipe is full and non-blocking; try again.
      if (code === 'EPIPE') return false;
      if (code !== 'EAGAIN') throw new OperatorError(`the answer can't be written: ${String(code)}.`);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
  return true;
}

/** For a program that reads it, or a person who looks at it later. */
const defaultWidth = 100;
const narrowest = 60;
/** A wider page is no easier to read. */
const widest = 120;

/** How many characters a line of a page may have. */
export function pageWidth({ columns }: Terminal): number {
  return Math.min(widest, Math.max(narrowest, columns ?? defaultWidth));
}

/** The terminal of this process: its standard output and standard error. */
export function processTerminal(): Terminal {
  let isClosed = false;
  const answer = (text: string): void => {
    isClosed ||= !writeAll(1, `${text}\n`);
  };
  return {
    exitStatus: 'done',
    environment: process.env,
    isInteractive: process.stdout.isTTY,
    // Looked up each time: a person may make the window wider while it is watched.
    get columns() {
      return process.stdout.isTTY ? process.stdout.columns : undefined;
    },
    get rows() {
      return process.stdout.isTTY ? process.stdout.rows : undefined;
    },
    hasColours: process.stdout.isTTY && process.stdout.hasColors(),
    answer,
    answerJson: (document) => {
      answer(JSON.stringify(document, null, 2));
    },
    isClosed: () => isClosed,
    hint: (line) => {
      if (!process.stderr.isTTY) return;
      const room = Math.max(1, process.stderr.columns - 1);
      try {
        // Back to the first column, and what is there erased (ECMA-48: CR, EL).
        writeAll(2, `\r\u001b[K${cutToWidth(line, room)}`);
      } catch {
        // As below.
      }
    },
    say: (line) => {
      try {
        writeAll(2, `${line}\n`);
      } catch {
        // There is nowhere left to say it; the exit status still tells.
      }
    },
  };
}
