import { CommanderError } from 'commander';
import { OperatorError } from '../core/errors.ts';
import { escapeForTerminal } from '../core/text/escape.ts';
import { exitCode, exitStatusOfError } from './exit-status.ts';
import { asOperatorError } from './system-error.ts';
import { createProgram } from './program.ts';
import type { Terminal } from './terminal.ts';

/** Runs one command line. Returns the exit status; a bug is thrown. */
export async function run(argv: readonly string[], terminal: Terminal, version: string): Promise<number> {
  try {
    await createProgram(terminal, version).parseAsync([...argv], { from: 'user' });
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
