import { exitCode } from './cli/exit-status.ts';
import { run } from './cli/run.ts';
import { processTerminal } from './cli/terminal.ts';
import { programVersion } from './effects/program-path.ts';

/** From argv to an exit status: the only process.exit, and the only catch of what nobody expected. */
async function main(): Promise<number> {
  const terminal = processTerminal();
  try {
    return await run(process.argv.slice(2), terminal, programVersion());
  } catch (error) {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    terminal.say(`healtharchive: this is a bug; please report it with these lines:\n${stack}`);
    return exitCode('failed');
  }
}

// An explicit end: a child that hangs on dead storage, or its pipes, must not keep a finished command waiting.
process.exit(await main());
