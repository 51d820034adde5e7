/** A fresh host with a storage box for one test: a second to boot, and no test sees what another one broke. */
import { bootHost, type Host } from '../../lab/host.ts';
import { storageBox, type StorageBox, type StorageBoxOptions } from '../../lab/storage-box.ts';

export interface Lab {
  readonly host: Host;
  readonly box: StorageBox;
}

export async function withLab(options: StorageBoxOptions, body: (lab: Lab) => Promise<void>): Promise<void> {
  const host = await bootHost();
  try {
    const box = await storageBox(host, options);
    try {
      await body({ host, box });
    } finally {
      await box.close();
    }
  } finally {
    await host.close();
  }
}
