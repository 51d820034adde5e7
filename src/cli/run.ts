import { CommanderError } from 'commander';
import { OperatorError } from '../core/errors.ts';
import { escapeForTerminal } from '../core/text/escape.ts';
import { exitCode, exitStatusOfError } from './exit-status.ts';
import { createProgram } from './program.ts';
import type { Terminal } from './terminal.ts';
import { ownUserName } from '../effects/user-ids.ts';

/** Runs one command line. Returns the exit status; a bug is thrown. */
export async function run(argv: readonly string[], terminal: Terminal, version: string): Promise<number> {
  try {
    const program = await createProgram(terminal, version, argv);
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode(terminal.exitStatus);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode('done') : exitCode('usage');
    const known = asOperatorError(error);
    const status = exitStatusOfError(known);
    if (status === null || !(known instanceof OperatorError)) throw error;
    // Each line of a message is escaped already where it holds text from outside.
    terminal.say(`healtharchive: ${known.message}`);
    if (known.fix !== undefined) terminal.say(`  to mend it: ${escapeForTerminal(known.fix)}`);
    return exitCode(status);
  }
}

/** What a file system says when the machine, and not the program, is at fault. */
const meanings: Readonly<Record<string, string>> = {
  EACCES: 'no permission',
  EPERM: 'not permitted',
  EROFS: 'a read-only file system',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota is used up',
};

/** A folder that may not be read, a disk that is full, and the like, as a sentence for people. Anything else as it is. */
function asOperatorError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof OperatorError) return error;
  const { code = '', syscall, path } = error as NodeJS.ErrnoException;
  if (syscall === 'uv_cwd')
    return new OperatorError('the working directory is gone (it was removed).', 'cd to another folder');
  const meaning = meanings[code];
  if (meaning === undefined || path === undefined) return error;
  const who = code === 'EACCES' || code === 'EPERM' ? ` for user ${escapeForTerminal(ownUserName())}` : '';
  return new OperatorError(
    `${escapeForTerminal(path)} can't be used: ${meaning}${who} (${code}).`,
    who === '' ? undefined : 'run it as root, or as the user that it belongs to',
  );
}
