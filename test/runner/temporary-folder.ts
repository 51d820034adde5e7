/** The tests' own place for temporary files, so that what they leave behind is seen, and goes. */
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

export class TemporaryFolder {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async make(): Promise<TemporaryFolder> {
    // A short name: paths of unix sockets have little room.
    const path = await mkdtemp(join(tmpdir(), 'ha-'));
    // Tests run servers as other users, to whom it must be what /tmp is.
    await chmod(path, 0o1777);
    return new TemporaryFolder(path);
  }

  /** Removes what is in it. Returns the names. */
  async empty(): Promise<string[]> {
    const names = await readdir(this.path);
    await removeTrees(names.map((name) => join(this.path, name)));
    return names;
  }

  async remove(): Promise<void> {
    await removeTrees([this.path]);
  }
}

/** Never into a mount that a test forgot: what is behind it is not ours. */
async function removeTrees(paths: readonly string[]): Promise<void> {
  if (paths.length === 0) return;
  await promisify(execFile)('rm', ['--recursive', '--force', '--one-file-system', '--', ...paths]).catch(
    (error: unknown) => {
      process.stderr.write(`${String(error)}\n`);
    },
  );
}
