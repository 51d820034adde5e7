/** The storage part of the lab needs no root: an ordinary user of a host runs it in a user namespace of its own. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { bootHost, type Host } from '../../lab/host.ts';
import { labUnavailable } from '../../lab/requirements.ts';

const FOLDER = 'test/storage';
const NODE = '/opt/healtharchive/node_modules/.bin/node';
/** A file takes about 20 s on an idle machine. */
const FILE_TIMEOUT_MS = 280_000;
const files = readdirSync(join(import.meta.dirname, '../..', FOLDER)).filter((name) =>
  name.endsWith('.test.ts'),
);
/** The others are there for their numbers, which do not depend on who asks. */
const chosen =
  process.env['HEALTHARCHIVE_TEST_FULL'] === '1' ? files : ['faults.test.ts', 'write-check.test.ts'];

describe('without root', { skip: labUnavailable() }, () => {
  let host: Host;
  before(async () => {
    host = await bootHost({ name: 'user' });
  });
  after(() => host.close());

  for (const file of chosen) {
    test(`${FOLDER}/${file} runs as an ordinary user`, async () => {
      assert.ok(files.includes(file));
      const { status, stdout, stderr } = await host.run(
        [NODE, '--test', `/opt/healtharchive/${FOLDER}/${file}`],
        {
          user: 'healtharchive',
          timeoutMs: FILE_TIMEOUT_MS,
        },
      );
      assert.equal(status, 0, stdout + stderr);
      assert.match(stdout, /^ℹ pass [1-9]/m, stdout);
      assert.match(stdout, /^ℹ skipped 0$/m, stdout);
      assert.deepEqual(
        host.mountInfo().filter(({ path }) => path.includes('healtharchive-box')),
        [],
      );
      assert.equal((await host.run('ls -d /tmp/healtharchive-box-*')).stdout, '');
    });
  }
});
