/** Faults of the server that a storage box is, and of the way to it. */
import { signalIfAlive } from '../processes.ts';
import type { StorageBox } from '../storage-box.ts';
import { waitFor } from '../wait-for.ts';

const TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 1000;
const CUT = 'lab_cut';

/** Freezes sshd and all its sessions: connections stand, nobody answers (storage-facts F3). */
export async function freezeSshd({ server }: StorageBox): Promise<void> {
  // Again and again: a session may be starting just now, and each one is several processes.
  const freezeAll = (): boolean => {
    const running = server.sshdProcesses().filter(({ state }) => state !== 'T');
    for (const { pid } of running) signalIfAlive(pid, 'SIGSTOP');
    return running.length === 0;
  };
  await waitFor('sshd and its sessions to be frozen', freezeAll, TIMEOUT_MS);
}

export async function thawSshd({ server }: StorageBox): Promise<void> {
  for (const { pid } of server.sshdProcesses()) signalIfAlive(pid, 'SIGCONT');
  const isThawed = (): boolean => server.sshdProcesses().every(({ state }) => state !== 'T');
  await waitFor('sshd and its sessions to be thawed', isThawed, TIMEOUT_MS);
}

/** Ends sshd and all its sessions: connections are closed, new ones are refused (storage-facts F2). */
export async function dropServer({ server }: StorageBox): Promise<void> {
  await server.stopSshd();
}

export async function restoreServer({ server }: StorageBox): Promise<void> {
  await server.startSshd();
}

/** Throws away every packet that reaches the server: silence, without any connection being closed. */
export async function cutCable(box: StorageBox): Promise<void> {
  const { server } = box;
  await server.runOk(
    `nft add table inet ${CUT} && nft "add chain inet ${CUT} in { type filter hook input priority 0; policy drop; }"`,
  );
  await waitFor('the server to be out of reach', async () => !(await isReachable(box)), TIMEOUT_MS);
}

export async function mendCable(box: StorageBox): Promise<void> {
  await box.server.runOk(['nft', 'delete', 'table', 'inet', CUT]);
  await waitFor('the server to be in reach', () => isReachable(box), TIMEOUT_MS);
}

/** Whether a new connection to sshd's port is accepted within a second. */
export async function isReachable({ host }: StorageBox): Promise<boolean> {
  const { status } = await host.run(['bash', '-c', 'exec 3<>/dev/tcp/storagebox/23'], {
    timeoutMs: CONNECT_TIMEOUT_MS,
  });
  return status === 0;
}
