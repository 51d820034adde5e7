// Observes the hot path `jobs/hc` below a folder and prints its report. Not a test: hang.test.ts runs it as a
// process.
import { observeStorage } from '../../src/effects/storage-probe.ts';

const [folder = '', timeoutMs = '5000'] = process.argv.slice(2);
const report = await observeStorage({
  base: { mount: `${folder}/base`, fstype: 'fuse.sshfs' },
  staleErrnos: ['ENOTCONN'],
  paths: [
    {
      path: `${folder}/jobs/hc`,
      expectation: { kind: 'bind', mountPoint: `${folder}/jobs/hc`, coldPath: `${folder}/base/jobs/hc` },
    },
  ],
  probeTimeoutMs: Number(timeoutMs),
  stuckDir: `${folder}/run`,
});
process.stdout.write(JSON.stringify(report.paths[0]));
