import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { join } from 'node:path';
import { LocalSetup, program, runProgram, temporaryFolder, type Outcome } from './setup.ts';

describe('pipes and redirections', () => {
  const setup = new LocalSetup(join(temporaryFolder({ after }), 'setup'));
  before(async () => {
    await setup.initialise();
    const jobs = Array.from({ length: 300 }, (_, index) => index);
    await setup.withStore(async (store) => {
      for (const index of jobs) {
        const outputDir = `${setup.jobsRoot}/hc/${index}`;
        const place = { name: `job ${index} ${'x'.repeat(200)}`, outputDir };
        await store.add(
          { source: 'hc', ...place, seeds: [], campaignKind: null, campaignYear: null },
          't',
          1,
        );
      }
    });
  });

  /** Runs a line of bash in which `h` is the program. */
  async function shell(line: string): Promise<Outcome> {
    const script = `h() { '${program}' "$@"; }; ${line}`;
    return await runProgram('bash', ['-c', script], { env: setup.environment });
  }

  test('a reader that has seen enough is no error', async () => {
    const { stdout, stderr } = await shell('h jobs list --json | head -1; echo "${PIPESTATUS[0]}"');
    assert.equal(stderr, '');
    assert.equal(stdout, '{\n0\n');
  });

  for (const option of ['--json', '']) {
    test(`jobs watch ${option} ends when its reader is gone`, async () => {
      const line = `h jobs watch --interval 0.1 ${option} | head -1 >/dev/null; echo "\${PIPESTATUS[0]}"`;
      assert.deepEqual(await shell(line), { status: 0, stdout: '0\n', stderr: '' });
    });
  }

  test('a slow reader gets everything', async () => {
    const { stdout, stderr } = await shell('h jobs list --all --json | (sleep 0.3; cat)');
    assert.equal(stderr, '');
    assert.equal((JSON.parse(stdout) as { jobs: unknown[] }).jobs.length, 300);
  });

  test('a full disk under standard output is said, and is no bug', async () => {
    const { status, stderr } = await shell('h jobs list > /dev/full');
    assert.equal(status, 1);
    assert.equal(stderr, "healtharchive: the answer can't be written: ENOSPC.\n");
  });

  test('with nowhere to write, the status still tells', async () => {
    assert.equal((await shell('h jobs show 9999 2> /dev/full')).status, 2);
    assert.equal((await shell('h jobs list --status failed >&- 2>&- <&-')).status, 0);
  });
});
