import { userInfo } from 'node:os';
import { OperatorError } from '../core/errors.ts';
import { runCommand } from './command.ts';

export interface UserIds {
  readonly uid: number;
  readonly gid: number;
}

const deadlineMs = 5000;

/**
 * User and group id of a user, by getent(1), which asks whatever directory service the system uses.
 * @throws OperatorError when there is no such user, or nobody answers in time
 */
export async function userIds(name: string): Promise<UserIds> {
  const result = await runCommand(['getent', 'passwd', '--', name], { deadlineMs });
  if (result.kind === 'exited' && result.code === 0) {
    const [, , uid, gid] = result.stdout.split(':');
    if (/^\d+$/.test(uid ?? '') && /^\d+$/.test(gid ?? '')) return { uid: Number(uid), gid: Number(gid) };
  }
  if (result.kind === 'exited') throw new OperatorError(`[worker] user: there is no user "${name}".`);
  throw new OperatorError(
    `[worker] user: the user "${name}" could not be looked up (getent: ${result.kind}).`,
  );
}

/** Who this process is: a user's name, or `uid N` for a user without one (as in many containers). */
export function ownUserName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.geteuid?.() ?? 'unknown'}`;
  }
}
