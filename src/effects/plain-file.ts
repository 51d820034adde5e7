import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';

const maxBytes = 64 * 1024 * 1024;

/**
 * The text of a regular file of at most 64 MiB. Something else in its place, like a FIFO that nobody writes to, can't hold
 * the reader up. With `followLinks: false` a symbolic link is an error too: for root, who reads what others wrote.
 * @throws Node's system errors; also `EISDIR` for a folder, `EINVAL` for what is no plain file, `EFBIG` for one that is too large
 */
export function readPlainFile(path: string, { followLinks }: { readonly followLinks: boolean }): string {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const fd = openSync(path, O_RDONLY | O_NONBLOCK | (followLinks ? 0 : O_NOFOLLOW));
  try {
    const stats = fstatSync(fd);
    if (stats.isDirectory()) throw notReadable('EISDIR', `${path} is a folder`);
    if (!stats.isFile()) throw notReadable('EINVAL', `${path} is no plain file`);
    if (stats.size > maxBytes) throw notReadable('EFBIG', `${path} is larger than 64 MiB`);
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

function notReadable(code: string, message: string): NodeJS.ErrnoException {
  return Object.assign(new Error(message), { code });
}
