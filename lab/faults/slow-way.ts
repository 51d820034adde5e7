/** A long way between host and server: everything works, and every answer takes its time. */
import { SFTP_PORT } from '../box-server.ts';
import type { StorageBox } from '../storage-box.ts';
import { waitFor } from '../wait-for.ts';

const NODE = '/opt/healtharchive/node_modules/.bin/node';
const TABLE = 'lab_slow';
const TIMEOUT_MS = 10_000;

export interface SlowWay {
  /** New connections go the short way again. */
  end(): Promise<void>;
}

/** Every connection that is made from now on has this round trip; mounts that are there keep what they have. */
export async function makeWaySlow({ server }: StorageBox, roundTripMs: number): Promise<SlowWay> {
  const relay = server.start([
    NODE,
    '/opt/healtharchive/lab/relay.ts',
    String(SFTP_PORT),
    String(roundTripMs / 2),
  ]);
  const portOf = (): string | undefined => /^listening on (\d+)$/m.exec(relay.stdout())?.[1];
  const port = await waitFor('the relay to listen', portOf, TIMEOUT_MS);
  // Of what comes over the cable only: the relay itself reaches sshd by the loopback interface.
  await server.runOk(
    `nft add table ip ${TABLE} && nft "add chain ip ${TABLE} in { type nat hook prerouting priority -100; }" && nft add rule ip ${TABLE} in iifname host tcp dport ${SFTP_PORT} redirect to :${port}`,
  );
  return {
    end: async () => {
      await server.runOk(['nft', 'delete', 'table', 'ip', TABLE]);
    },
  };
}
