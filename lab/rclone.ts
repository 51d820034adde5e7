/** rclone in place of sshfs, by the configuration that users get; the storage box and its server are the same. */
import { SERVED_FOLDER, SFTP_PORT, SFTP_USER } from './box-server.ts';
import { shippedExample, valueOf, withOptions, withValues } from './example-settings.ts';
import { shippedUnit } from './installation.ts';
import { BOX_NAME, ownerOptions, SETTINGS, type StorageBox } from './storage-box.ts';

/** For a storage box that is not mounted yet; `mountBase` then mounts it by rclone. */
export async function useRclone({ host, unit }: StorageBox): Promise<void> {
  const settings = shippedExample('storagebox-rclone.env.example');
  const { uid, gid } = await ownerOptions(host);
  const options = withOptions(valueOf(settings, 'STORAGEBOX_OPTIONS'), ' ', { '--uid': uid, '--gid': gid });
  await host.writeFile(
    SETTINGS,
    withValues(settings, {
      STORAGEBOX_SOURCE: `${BOX_NAME}:${SERVED_FOLDER}`,
      STORAGEBOX_OPTIONS: options,
    }),
  );
  await host.writeFile(
    '/etc/healtharchive/rclone.conf',
    withValues(shippedExample('rclone.conf.example'), {
      host: BOX_NAME,
      port: String(SFTP_PORT),
      user: SFTP_USER,
    }),
  );
  await host.installUnit(`${unit}.d/rclone.conf`, shippedUnit(`${unit}.d/rclone.conf.example`));
}
