/**
 * The storage child: the only program of ours, beside launcher and crawler, that touches hot paths and the storage box. It is disposable,
 * because a thread that waits for hung storage can't be stopped and keeps its process from ending.
 *
 *   started by   src/effects/storage/storage-child.ts, for looks at storage and for every mount step, as whoever asks
 *   stdin        a line of JSON, ChildRequest; after its answer perhaps another · stdout: a line of JSON for each thing it found
 *   touches      the paths that it is asked about, each by a call of its own; it looks, writes a small file and removes it, mounts one
 *                open directory onto another, unmounts
 *   outlives     whoever asked, when the kernel holds it: then it is abandoned, counted, and nobody asks the same superblock again
 *                (stuck-children.ts)
 *
 * It imports little, because it is started often.
 */
import { readSync, writeSync } from 'node:fs';
import { canonicalise } from './resolve-paths.ts';
import { lookUp } from './look-up-names.ts';
import type { ChildAnswer, ChildRequest } from '../../effects/storage/child-protocol.ts';
import { freeSpace } from './statfs.ts';
import { checkWrite } from './try-writing.ts';

/** How long answers may be kept to be written together, in milliseconds. */
const gatherMs = 5;
let gathered: string[] = [];
let timer: NodeJS.Timeout | undefined;
let writtenAt = 0;

function flush(): void {
  clearTimeout(timer);
  timer = undefined;
  if (gathered.length === 0) return;
  const bytes = Buffer.from(gathered.join(''));
  for (let written = 0; written < bytes.length;) written += writeSync(1, bytes, written);
  gathered = [];
  writtenAt = performance.now();
}

/** Written at once and synchronously: answers given before a hang count. */
function answer(line: ChildAnswer): void {
  gathered.push(JSON.stringify(line) + '\n');
  flush();
}

/** For thousands of answers that come fast, none of which is missed much: should a local disk hang, those of the last moment are lost. */
function answerSoon(line: ChildAnswer): void {
  gathered.push(JSON.stringify(line) + '\n');
  if (performance.now() - writtenAt > gatherMs) flush();
  else timer ??= setTimeout(flush, gatherMs);
}

async function carryOut(request: ChildRequest): Promise<void> {
  switch (request.operation) {
    case 'lookup':
      await lookUp(request, answer, answerSoon);
      break;
    case 'canonicalise':
      canonicalise(request.paths, request.stopAt, answerSoon);
      break;
    case 'write_check':
      answer(checkWrite(request, answer));
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
      (await import('./count-files.ts')).countFiles(request, answer, answerSoon);
      break;
  }
}

let rest = Buffer.alloc(0);
const chunk = Buffer.alloc(65_536);

/** Waits for it; null at the end of the input. */
function nextLine(): string | null {
  for (;;) {
    const end = rest.indexOf(10);
    if (end !== -1) {
      const line = rest.toString('utf8', 0, end);
      rest = rest.subarray(end + 1);
      return line;
    }
    const length = readSync(0, chunk);
    if (length === 0) return null;
    rest = Buffer.concat([rest, chunk.subarray(0, length)]);
  }
}

answer({ kind: 'ready' });
for (let line = nextLine(); line !== null; line = nextLine()) {
  await carryOut(JSON.parse(line) as ChildRequest);
  answer({ kind: 'done' });
}
