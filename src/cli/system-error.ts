import { OperatorError } from '../core/errors.ts';
import { escapeForTerminal } from '../core/text/escape.ts';
import { ownUserName } from '../effects/user-ids.ts';

/** What a file system says when the machine, and not the program, is at fault. */
const meanings: Readonly<Record<string, string>> = {
  EACCES: 'no permission',
  EPERM: 'not permitted',
  EROFS: 'a read-only file system',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota is used up',
};

/** A folder that may not be read, a disk that is full, and the like, as a sentence for people. Anything else as it is. */
export function asOperatorError(error: unknown): unknown {
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
