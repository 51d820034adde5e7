import {
  ConfigurationError,
  DatabaseUnavailableError,
  DatabaseUnusableError,
  LockHeldError,
  OperatorError,
  RefusedError,
  UsageError,
} from '../core/errors.ts';

/** What a command's exit status means, in order of precedence. The EXIT STATUS section of every --help comes from here. */
export const exitStatuses = {
  usage: { code: 2, meaning: 'the command line is wrong; nothing was done' },
  configuration: {
    code: 4,
    meaning: 'the configuration or the database is not usable; starting again does not help',
  },
  lockHeld: { code: 75, meaning: 'another instance holds the lock' },
  refused: { code: 5, meaning: 'refused for safety' },
  failed: { code: 1, meaning: 'failed' },
  attention: { code: 3, meaning: 'attention needed: something is unhealthy, or a plan waits for --apply' },
  done: { code: 0, meaning: 'done, or nothing to do' },
  interrupted: { code: 130, meaning: 'interrupted' },
} as const;

export type ExitStatusName = keyof typeof exitStatuses;

export function exitCode(name: ExitStatusName): number {
  return exitStatuses[name].code;
}

/** The exit status for an error of the operator's kind; null for a bug. */
export function exitStatusOfError(error: unknown): ExitStatusName | null {
  if (error instanceof UsageError) return 'usage';
  if (error instanceof ConfigurationError) return 'configuration';
  if (error instanceof DatabaseUnusableError || error instanceof DatabaseUnavailableError)
    return 'configuration';
  if (error instanceof LockHeldError) return 'lockHeld';
  if (error instanceof RefusedError) return 'refused';
  return error instanceof OperatorError ? 'failed' : null;
}
