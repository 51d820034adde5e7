import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileVersion } from './small-file.ts';
import { makeStateFolder } from './state-file.ts';

/**
 * A file whose change starts something that watches it (systemd.path(5), PathChanged=): it is written to and closed. Making it is
 * all that the one who calls needs rights for.
 * @throws the file system's error
 */
export function pullTrigger(path: string, nowMs: number): void {
  makeStateFolder(dirname(path));
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;
  const fd = openSync(path, flags, 0o640);
  try {
    writeSync(fd, `${new Date(nowMs).toISOString()}\n`);
  } finally {
    closeSync(fd);
  }
}

/** Sees calls that come while we run and systemd does not watch the file: pulls since it was made, or asked last. */
export class TriggerCalls {
  readonly #path: string;
  #last: string | null;

  constructor(path: string) {
    this.#path = path;
    this.#last = fileVersion(path);
  }

  isCalledAgain(): boolean {
    const before = this.#last;
    this.#last = fileVersion(this.#path);
    return this.#last !== before;
  }
}
