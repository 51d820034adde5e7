/** A server as one gets it: Debian, and a checkout; nothing of HealthArchive is installed. */
import { bootHost, type Host } from './host.ts';

/** Where the checkout is on it. */
export const CHECKOUT = '/usr/local/src/healtharchive';

export async function bootBareHost(name = 'bare'): Promise<Host> {
  const host = await bootHost({ name });
  try {
    await host.runOk([
      'sh',
      '-euc',
      `mkdir -p ${CHECKOUT}
       mount --bind /opt/healtharchive ${CHECKOUT}
       umount /opt/healtharchive
       rmdir /opt/healtharchive
       userdel --force --remove healtharchive 2>/dev/null
       rm -rf /etc/healtharchive /srv/healtharchive /var/lib/node_exporter /usr/local/bin/healtharchive`,
    ]);
    return host;
  } catch (error) {
    await host.close();
    throw error;
  }
}
