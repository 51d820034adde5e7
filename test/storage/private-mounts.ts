import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import assert from 'node:assert/strict';

const marker = 'HEALTHARCHIVE_TEST_IN_PRIVATE_MOUNTS';
const requiredPrograms = ['unshare', 'sshfs', 'sshd', 'ssh-keygen', 'umount'];

/** With a process namespace too, whatever the tests start ends with them. */
const namespaces = ['--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child', '--mount-proc'];

/** All tests of one file together. */
const deadlineMs = 240_000;

/**
 * Runs the tests of a file in a mount namespace of its own: as root, or as the root of a user namespace. The file
 * calls this first and declares its tests only where it returns true; otherwise it has declared one test that runs
 * the file again, inside.
 */
export function insidePrivateMounts(file: string): boolean {
  if (process.env[marker] === '1') return true;
  const unshare = [...(process.geteuid?.() === 0 ? [] : ['--user', '--map-root-user']), ...namespaces];
  const reason = missing(unshare);
  test('in a private mount namespace', { skip: reason ?? false, timeout: deadlineMs + 5000 }, async () => {
    const { code, output } = await rerun(unshare, fileURLToPath(file));
    assert.equal(code, 0, `\n${output}`);
    console.log(output.replace(/^/gm, '    '));
  });
  return false;
}

function missing(unshare: readonly string[]): string | undefined {
  const path = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;
  for (const program of requiredPrograms) {
    if (spawnSync('sh', ['-c', `command -v ${program}`], { env: { PATH: path } }).status !== 0) {
      return `${program} is not installed`;
    }
  }
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK);
  } catch {
    return '/dev/fuse may not be used';
  }
  const probe = spawnSync('unshare', [...unshare, 'true']);
  return probe.status === 0 ? undefined : 'neither root nor user namespaces are available';
}

function rerun(unshare: readonly string[], file: string): Promise<{ code: number | null; output: string }> {
  // node --test marks its children; without the mark the tests inside report in words.
  const env: NodeJS.ProcessEnv = { ...process.env, [marker]: '1' };
  delete env['NODE_TEST_CONTEXT'];
  const child = spawn('unshare', [...unshare, process.execPath, '--test-reporter=spec', file], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const timer = setTimeout(() => child.kill('SIGKILL'), deadlineMs);
  return new Promise((resolve) => {
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code, output });
    });
  });
}
