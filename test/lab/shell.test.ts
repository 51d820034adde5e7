import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { runCommand } from '../../lab/command.ts';
import { labUnavailable } from '../../lab/requirements.ts';

const script = join(import.meta.dirname, '../../script/lab');

describe('script/lab', { skip: labUnavailable(['nft', 'faketime']) }, () => {
  test('breaks things by name, and says what it does not know', async () => {
    const command = `
      fault | head -1
      fault kill-sshfs-for-good && ls /srv/healtharchive/jobs/hc-2026
      fault wreck-everything || echo refused
      fault hold-lock && flock --nonblock /run/healtharchive/deploy.lock true || echo held
      exit 7`;
    const { status, stdout, stderr } = await runCommand([script, '-c', command], { timeoutMs: 30_000 });
    assert.equal(status, 7, stderr);
    assert.match(stdout, /^usage: fault NAME/);
    assert.match(stdout, /kill-sshfs-for-good: done/);
    assert.match(stderr, /Transport endpoint is not connected/);
    assert.match(stderr, /no fault 'wreck-everything'/);
    assert.match(stdout, /refused\n.*hold-lock: done.*\nheld/);
  });

  test('completes the names of faults', async () => {
    const complete = `source /root/.labrc; COMP_WORDS=(fault freeze-); COMP_CWORD=1; _fault; echo "\${COMPREPLY[@]}"`;
    const { stdout } = await runCommand([script, '-c', complete], { timeoutMs: 30_000 });
    assert.equal(stdout.trim(), 'freeze-sshfs freeze-server');
  });
});
