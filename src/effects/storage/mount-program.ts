import { spawnSync } from 'node:child_process';

/** For a step of mount(8) or umount(8) on open directories, which waits for no server. */
export const mountProgramMs = 2000;

/**
 * Runs mount or umount (util-linux) with open directories as descriptors 3 and up. Null when it succeeded, else a
 * sentence for people.
 */
export function runMountProgram(
  program: 'mount' | 'umount',
  args: readonly string[],
  descriptors: readonly number[],
): string | null {
  const result = spawnSync(program, args, {
    cwd: '/',
    stdio: ['ignore', 'ignore', 'pipe', ...descriptors],
    timeout: mountProgramMs,
    killSignal: 'SIGKILL',
    encoding: 'utf8',
  });
  if (result.status === 0) return null;
  const error = result.error as NodeJS.ErrnoException | undefined;
  if (error?.code === 'ENOENT') return `${program} is not installed (package util-linux)`;
  if (error?.code === 'ETIMEDOUT') return `${program} did not end within ${mountProgramMs / 1000} s`;
  const said = result.stderr.trim().split('\n')[0] ?? '';
  return `${program} failed (${result.status === null ? String(result.signal) : `status ${result.status}`})${said === '' ? '' : `: ${said}`}`;
}
