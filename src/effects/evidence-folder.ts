/** Folders of evidence below the state folder, each for one moment: written once, whole, and the oldest removed. Local disk only. */
import { readdirSync, renameSync, rmdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeStateFolder } from './state-file.ts';

const maxFolders = 20;
const unfinished = '.unfinished';
/** What is written here and nothing else is removed here. */
const folderName = /^\d{8}T\d{6}\.\d{3}Z(?:-[A-Za-z0-9._-]+?)?(?:\.unfinished)?$/;
const fileName = /^[a-z-]+\.(?:txt|json)$/;

export class EvidenceFolder {
  readonly #root: string;
  readonly #name: string;

  /**
   * @param root made if need be
   * @param tag letters, digits, `.`, `_`, `-`
   * @throws the file system's error, or OperatorError, when it can't be made
   */
  constructor(root: string, nowMs: number, tag: string | null) {
    const stamp = new Date(nowMs).toISOString().replace(/[:-]/g, '');
    this.#root = root;
    this.#name = tag === null ? stamp : `${stamp}-${tag}`;
    makeStateFolder(this.#unfinishedPath);
  }

  get path(): string {
    return join(this.#root, this.#name);
  }

  get #unfinishedPath(): string {
    return `${this.path}${unfinished}`;
  }

  /** @throws the file system's error: ENOSPC, ... */
  write(name: string, content: Buffer): void {
    writeFileSync(join(this.#unfinishedPath, name), content, { mode: 0o640, flag: 'wx' });
  }

  /** From now on it has its name, and is the newest of those that are kept. @throws the file system's error */
  finish(): void {
    renameSync(this.#unfinishedPath, this.path);
    const folders = readdirSync(this.#root).filter((name) => folderName.test(name));
    // The names begin with the time, so their order is that of time.
    for (const name of folders.sort().slice(0, -maxFolders)) removeFolder(join(this.#root, name));
  }
}

/** Never deeper than what is written here: a link that somebody puts in its place leads to nothing that has these names. */
function removeFolder(path: string): void {
  try {
    for (const name of readdirSync(path)) if (fileName.test(name)) unlinkSync(join(path, name));
    rmdirSync(path);
  } catch {
    // One folder too many; the next one tries again.
  }
}
