/** Databases that don't answer. */
import type { Host } from '../host.ts';
import type { HeldLock } from './control-plane.ts';
import { waitFor } from '../wait-for.ts';

const NODE = '/opt/healtharchive/node_modules/.bin/node';
const TIMEOUT_MS = 5000;

const HOLD = `const { DatabaseSync } = require("node:sqlite");
  const database = new DatabaseSync(process.argv[1]); database.exec("BEGIN EXCLUSIVE");
  console.log("locked"); setInterval(() => {}, 1e6)`;

/** Holds the exclusive lock of an SQLite database: nobody else can write (with WAL they can still read). */
export async function lockSqlite(host: Host, path: string, user = 'healtharchive'): Promise<HeldLock> {
  const holder = host.start([NODE, '--disable-warning=ExperimentalWarning', '-e', HOLD, path], { user });
  await waitFor(
    `the lock of ${path}`,
    () => {
      if (holder.stdout().includes('locked')) return true;
      throw new Error(holder.stderr());
    },
    TIMEOUT_MS,
  );
  return {
    release: async () => {
      holder.kill('SIGKILL');
      await holder.ended;
    },
  };
}
