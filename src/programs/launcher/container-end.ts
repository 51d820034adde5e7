import { spawn } from 'node:child_process';
import { removalArguments } from '../../core/crawler/container.ts';

/** An engine that hangs on dead storage is not waited for any longer. */
const REMOVE_DEADLINE_MS = 30_000;

/** `ENGINE rm -f NAME`: a container lives on when the program that started it is killed. */
export async function removeContainer(engine: string, name: string): Promise<void> {
  const child = spawn(engine, removalArguments(engine, name), { stdio: 'ignore', detached: true });
  await new Promise<void>((resolve) => {
    const deadline = setTimeout(resolve, REMOVE_DEADLINE_MS);
    const end = (): void => {
      clearTimeout(deadline);
      resolve();
    };
    child.once('error', end).once('exit', end);
  });
  child.unref();
}
