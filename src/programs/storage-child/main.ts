/**
 * The storage child: the only program of ours, beside launcher and crawler, that touches hot paths and the storage box. It is disposable,
 * because a thread that waits for hung storage can't be stopped and keeps its process from ending.
 *
 *   started by   src/effects/storage/ask-child.ts, for every look at storage and every mount step, as whoever asks
 *   stdin        one JSON document, ChildRequest · stdout: a line of JSON for each thing it found, at once
 *   touches      the paths that it is asked about, each by a call of its own; it looks, writes a small file and removes it, mounts one
 *                open directory onto another, unmounts
 *   outlives     whoever asked, when the kernel holds it: then it is abandoned, counted, and nobody asks the same superblock again
 *                (stuck-children.ts)
 *
 * It imports little, because it is started often.
 */
import { readFileSync, writeSync } from 'node:fs';
import { canonicalise } from './resolve-paths.ts';
import { lookUp } from './look-up-names.ts';
import type { ChildAnswer, ChildRequest } from '../../effects/storage/child-protocol.ts';
import { freeSpace } from './statfs.ts';
import { checkWrite } from './try-writing.ts';

/** Written at once and synchronously: answers given before a hang count. */
function answer(line: ChildAnswer): void {
  writeSync(1, JSON.stringify(line) + '\n');
}

answer({ kind: 'ready' });
const request = JSON.parse(readFileSync(0, 'utf8')) as ChildRequest;
switch (request.operation) {
  case 'lookup':
    await lookUp(request.targets, request.stopOnErrnos, answer);
    break;
  case 'canonicalise':
    canonicalise(request.paths, request.stopAt, answer);
    break;
  case 'write_check':
    answer(checkWrite(request.directory, request.name, request.user, answer));
    break;
  case 'statfs':
    answer(freeSpace(request.path));
    break;
  case 'bind':
    answer((await import('./bind.ts')).bind(request, answer));
    break;
  case 'secure':
    answer((await import('./bind.ts')).secure(request));
    break;
  case 'unmount':
    answer((await import('./unmount.ts')).unmount(request));
    break;
  case 'count_files':
    (await import('./count-files.ts')).countFiles(request, answer);
    break;
}
answer({ kind: 'done' });
