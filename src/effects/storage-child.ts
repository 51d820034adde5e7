// The only program of ours that touches hot paths: disposable, because a thread that waits for hung storage can't
// be stopped and keeps its process from ending. Started by src/effects/storage/ask-child.ts; imports little,
// because it is started often.
import { readFileSync, writeSync } from 'node:fs';
import { canonicalise } from './storage/child-canonicalise.ts';
import { lookUp } from './storage/child-lookup.ts';
import type { ChildAnswer, ChildRequest } from './storage/child-protocol.ts';
import { freeSpace } from './storage/child-statfs.ts';
import { checkWrite } from './storage/child-write-check.ts';

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
    answer((await import('./storage/child-bind.ts')).bind(request, answer));
    break;
  case 'secure':
    answer((await import('./storage/child-bind.ts')).secure(request));
    break;
  case 'unmount':
    answer((await import('./storage/child-unmount.ts')).unmount(request));
    break;
  case 'count_files':
    (await import('./storage/child-count-files.ts')).countFiles(request, answer);
    break;
}
answer({ kind: 'done' });
