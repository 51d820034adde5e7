// Runs inside a host, as root: what the product's own probe says of the base and of one bind of it, and its write check.
// Arguments: the file system type, the hot path, the user that writes.
import { execFileSync } from 'node:child_process';
import { COLD_ROOT } from '../../lab/hot-path.ts';
import { BASE } from '../../lab/storage-box.ts';
import { checkWritable } from '../../src/effects/storage-access.ts';
import { observeStorage } from '../../src/effects/storage-probe.ts';

const [fstype = '', hot = '', user = ''] = process.argv.slice(2);
const idOf = (option: string): number => Number(execFileSync('id', [option, user], { encoding: 'utf8' }));
const coldPath = hot.replace('/srv/healtharchive/jobs', COLD_ROOT);
const report = await observeStorage({
  base: { mount: BASE, fstype },
  staleErrnos: ['ENOTCONN'],
  probeTimeoutMs: 5000,
  stuckDir: null,
  paths: [{ path: hot, expectation: { kind: 'bind', mountPoint: hot, coldPath } }],
});
const asUser = { uid: idOf('-u'), gid: idOf('-g') };
const write = await checkWritable(BASE, { timeoutMs: 5000, stuckDir: null, asUser });
console.log(JSON.stringify({ base: report.base?.state, hot: report.paths[0]?.state, write: write.kind }));
