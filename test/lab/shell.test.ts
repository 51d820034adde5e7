import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { collect, runCommand } from '../../lab/command.ts';
import { namedFaults } from '../../lab/faults/list.ts';
import { labUnavailable } from '../../lab/requirements.ts';
import { waitFor } from '../../lab/wait-for.ts';

const script = join(import.meta.dirname, '../../script/lab');
/** The host is there in a second or two; sources, jobs and worker take seven starts of the program. */
const FURNISHED_MS = 90_000;
const ANSWER_MS = 15_000;

describe('script/lab', { skip: labUnavailable(['nft', 'faketime', 'wget', 'script']) }, () => {
  test('crawls three jobs, breaks things by name, and says what it does not know', async () => {
    const command = `
      fault | head -1
      until [ "$(healtharchive jobs list --status running --json | grep -c '"status": "running"')" = 3 ]; do sleep 0.2; done
      fault kill-sshfs-for-good && ls /srv/healtharchive/jobs/hc-2026
      fault wreck-everything || echo refused
      fault kill-before-step || echo 'no number'
      fault hold-lock && flock --nonblock /run/healtharchive/deploy.lock true || echo held
      exit 7`;
    const { status, stdout, stderr } = await runCommand([script, '-c', command], { timeoutMs: FURNISHED_MS });
    assert.equal(status, 7, stderr);
    assert.match(stdout, /^usage: fault NAME/);
    assert.match(stdout, /kill-sshfs-for-good: done/);
    assert.match(stderr, /Transport endpoint is not connected/);
    assert.match(stderr, /no fault 'wreck-everything'/);
    assert.match(stdout, /refused\nno number\n.*hold-lock: done.*\nheld/);
  });

  test('at a terminal: completes faults and mounts, obeys Ctrl-C, ends with exit, and leaves nothing', async (t) => {
    const mountsBefore = readFileSync('/proc/self/mountinfo', 'utf8');
    const terminal = spawn('script', ['--quiet', '--return', '--command', script, '/dev/null']);
    const output = collect(terminal.stdout);
    const errors = collect(terminal.stderr);
    try {
      /** Types, and waits for an answer that comes after it. */
      const type = async (keys: string, answer: RegExp, timeoutMs = ANSWER_MS): Promise<string> => {
        const start = output().length;
        terminal.stdin.write(keys);
        const seen = (): string | undefined => {
          const said = output().slice(start);
          return answer.test(said) ? said : undefined;
        };
        try {
          return await waitFor(`an answer to ${JSON.stringify(keys)}`, seen, timeoutMs);
        } catch (error) {
          throw new Error(`${String(error)}\n${output()}\n${errors()}`, { cause: error });
        }
      };
      const welcome = await type('', /lab.*:\/srv\/healtharchive# $/, FURNISHED_MS);
      t.diagnostic(welcome.split('\n')[0] ?? '');
      assert.match(welcome, /jobs\/hc-2026 .*jobs\/phac-2026 .*jobs\/cihr-2026 /s);
      const all = await type('fault \t\t', /wrong-place/);
      const missing = namedFaults().filter(({ name }) => !all.includes(name));
      assert.deepEqual(missing, []);
      await type('freeze-ser\t', /freeze-server $/);
      await type('\n', /freeze-server: done[^]*# $/);
      await type('fault thaw-ser\t\n', /thaw-server: done[^]*# $/);
      await type('fault kill-sshfs /srv/healtharchive/jobs/ph\t', /jobs\/phac-2026 $/);
      await type('\n', /kill-sshfs: done[^]*# $/);
      await type('echo begun; sleep 1000\n', /begun\r\n/);
      await type('\x03', /# $/);
      await type('echo ended with $?\n', /ended with 130/);
      terminal.stdin.write('exit 3\n');
      const [status] = (await once(terminal, 'exit', { signal: AbortSignal.timeout(ANSWER_MS) })) as [number];
      assert.equal(status, 3, output());
    } finally {
      terminal.kill('SIGTERM');
    }
    assert.equal(readFileSync('/proc/self/mountinfo', 'utf8'), mountsBefore);
  });
});
