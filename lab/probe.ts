/** What a program sees on a path, asked by a disposable process inside the host: the answer is an errno or silence. */
import { randomBytes } from 'node:crypto';
import type { InsideOptions } from './inside.ts';
import type { Machine } from './machine.ts';

/**
 * - `lookup`: of a name that was never looked up; ENOENT is the healthy answer (storage-facts F2)
 * - `stat`, `readdir`: of the path itself
 * - `write`: a small file in it, synced, read back and removed
 */
export type ProbeKind = 'lookup' | 'stat' | 'readdir' | 'write';

/** 'ok', the name of an errno, or 'no answer' at the deadline. */
export type ProbeAnswer = string;

const NODE = '/opt/healtharchive/node_modules/.bin/node';
const DEFAULT_TIMEOUT_MS = 3000;

const PROGRAM: Record<ProbeKind, string> = {
  lookup: 'fs.lstatSync(path + "/" + name)',
  stat: 'fs.statSync(path)',
  readdir: 'fs.readdirSync(path)',
  write: `const file = path + "/" + name; const fd = fs.openSync(file, "wx+");
    try { fs.writeSync(fd, name); fs.fsyncSync(fd); if (fs.readFileSync(file, "utf8") !== name) throw { code: "DIFFERS" } }
    finally { fs.closeSync(fd); fs.unlinkSync(file) }`,
};

export async function probe(
  machine: Machine,
  kind: ProbeKind,
  path: string,
  options: InsideOptions = {},
): Promise<ProbeAnswer> {
  const name = `.probe-${randomBytes(6).toString('hex')}`;
  const program = `const fs = require("node:fs"); const [path, name] = process.argv.slice(1);
    let answer = "ok"; try { ${PROGRAM[kind]} } catch (error) { answer = error.code ?? String(error) }
    fs.writeSync(1, answer)`;
  const result = await machine.run([NODE, '-e', program, path, name], {
    timeoutMs: DEFAULT_TIMEOUT_MS,
    ...options,
  });
  if (result.timedOut) return 'no answer';
  if (result.status !== 0) throw new Error(`the probe itself failed: ${result.stderr}`);
  return result.stdout;
}
