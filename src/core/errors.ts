/**
 * Errors a person can act on. Anything else that is thrown is a bug of ours and is shown with its stack.
 * src/cli/exit-status.ts gives each its exit status.
 */
export class OperatorError extends Error {
  /** What to do about it, if one thing is to be done: usually a command. */
  readonly fix: string | undefined;

  constructor(message: string, fix?: string) {
    super(message);
    this.name = new.target.name;
    this.fix = fix;
  }
}

/** The command line asked for something that can't be meant: an unknown source, a path outside the jobs root. */
export class UsageError extends OperatorError {}

/** The configuration file is missing, unreadable or wrong. */
export class ConfigurationError extends OperatorError {}

/** The database can't be used at all: missing, not migrated, too new, or not a database. Waiting does not help. */
export class DatabaseUnusableError extends OperatorError {}

/** The database does not answer now: locked, unreachable, read-only or full. The same call may work later. */
export class DatabaseUnavailableError extends OperatorError {}

/** Another process holds the lock that this command needs. */
export class LockHeldError extends OperatorError {}

/** The system could do it, but must not now: it would be unsafe. */
export class RefusedError extends OperatorError {}
