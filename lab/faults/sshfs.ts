/** Faults of the sshfs process behind a mount. */
import type { Host } from '../host.ts';
import type { LabProcess } from '../processes.ts';
import { waitFor } from '../wait-for.ts';

const TIMEOUT_MS = 3000;

/** The sshfs that serves the mount on `path`: exactly one, or an error. */
export function sshfsOf(host: Host, path: string): LabProcess {
  const found = host
    .processes()
    .filter(({ argv }) => /(^|\/)sshfs$/.test(argv[0] ?? '') && argv.includes(path));
  const [only, ...more] = found;
  if (only === undefined || more.length > 0)
    throw new Error(`${found.length} sshfs serve ${path}, expected one`);
  return only;
}

/**
 * Kills the sshfs of the mount on `path`; the dead mount stays in the table (storage-facts F1).
 *
 * A unit with `Restart=` starts it again soon; `keepDown` names that unit, which then is not restarted until
 * `allowRestart`.
 */
export async function killSshfs(
  host: Host,
  path: string,
  { keepDown }: { keepDown?: string } = {},
): Promise<void> {
  const { pid } = sshfsOf(host, path);
  if (keepDown !== undefined) await preventRestart(host, keepDown);
  process.kill(pid, 'SIGKILL');
  await waitFor(
    `the end of sshfs of ${path}`,
    () => host.processes().every((each) => each.pid !== pid),
    TIMEOUT_MS,
  );
}

/** Until `allowRestart` or a reboot the unit stays down when its process ends. */
export async function preventRestart(host: Host, unit: string): Promise<void> {
  await host.writeFile(`/run/systemd/system/${unit}.d/lab-keep-down.conf`, '[Service]\nRestart=no\n');
  await host.runOk(['systemctl', 'daemon-reload']);
}

export async function allowRestart(host: Host, unit: string): Promise<void> {
  await host.runOk(['rm', '-f', `/run/systemd/system/${unit}.d/lab-keep-down.conf`]);
  await host.runOk(['systemctl', 'daemon-reload']);
}

/** Stops sshfs where it is: every caller hangs, and no keep-alive ends that. */
export async function freezeSshfs(host: Host, path: string): Promise<void> {
  const { pid } = sshfsOf(host, path);
  process.kill(pid, 'SIGSTOP');
  await waitFor(`sshfs of ${path} to be frozen`, () => sshfsOf(host, path).state === 'T', TIMEOUT_MS);
}

export async function thawSshfs(host: Host, path: string): Promise<void> {
  const { pid } = sshfsOf(host, path);
  process.kill(pid, 'SIGCONT');
  await waitFor(`sshfs of ${path} to be thawed`, () => sshfsOf(host, path).state !== 'T', TIMEOUT_MS);
}
