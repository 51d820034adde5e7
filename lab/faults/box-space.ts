/** A storage box that answers, but takes no more data. */
import { SERVED_FOLDER, SFTP_USER } from '../box-server.ts';
import type { StorageBox } from '../storage-box.ts';

const FILLER = `${SERVED_FOLDER}/.lab-filler`;
const FILL_TIMEOUT_MS = 60_000;

/** Fills the box to the last byte. */
export async function fillBox({ server }: StorageBox): Promise<void> {
  const fill = `head -c 1P /dev/zero >${FILLER}`;
  await server.run(fill, { user: SFTP_USER, timeoutMs: FILL_TIMEOUT_MS });
  const { stdout } = await server.run(['df', '--output=avail', SERVED_FOLDER]);
  if (Number(stdout.split('\n')[1]) !== 0) throw new Error(`the box is not full: ${stdout}`);
}

export async function freeBox({ server }: StorageBox): Promise<void> {
  await server.runOk(['rm', '-f', FILLER]);
}

/** The box's own file system turns read-only, as after an error on its disks. */
export async function makeBoxReadOnly({ server }: StorageBox): Promise<void> {
  await server.runOk(['mount', '-o', 'remount,ro', SERVED_FOLDER]);
  const { stderr } = await server.run(['touch', `${SERVED_FOLDER}/.lab-read-only`]);
  if (!stderr.includes('Read-only file system')) throw new Error(`the box is not read-only: ${stderr}`);
}

export async function makeBoxWritable({ server }: StorageBox): Promise<void> {
  await server.runOk(['mount', '-o', 'remount,rw', SERVED_FOLDER]);
}

/** The user that the host logs in as may no longer enter a folder of the box. */
export async function denyFolder({ server }: StorageBox, folder: string): Promise<void> {
  await server.runOk(['chmod', '000', `${SERVED_FOLDER}/${folder}`]);
}

export async function allowFolder({ server }: StorageBox, folder: string): Promise<void> {
  await server.runOk(['chmod', '755', `${SERVED_FOLDER}/${folder}`]);
}
