import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OperatorError } from '../core/errors.ts';
import { releases } from '../core/install/layout.ts';
import { must } from '../effects/command.ts';
import { syncFolder } from '../effects/small-file.ts';
import { programVersion } from '../effects/program-path.ts';

/** The folder that this program runs from: a checkout, or a release. */
export const programRoot = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../..' : '..', import.meta.url),
).replace(/\/$/, '');

/** What npm takes into every package, listed or not (package.json(5), `files`). */
const always = ['package.json', 'LICENSE', 'README.md'] as const;
/** What its name is made of: the rest changes nothing about what it does, or is not the same from build to build. */
const named = ['bin', 'dist', 'ops', 'package.json'] as const;
const runtime = `node_modules/node-linux-${process.arch}`;

/**
 * The name of this program's release: of the folder that it runs from, if that is one; else its version, and what it is made of. The same
 * program has the same name, wherever it was built.
 * @throws OperatorError when it was not built
 */
export function releaseName(root = programRoot): string {
  if (dirname(root) === releases) return basename(root);
  if (!existsSync(join(root, 'dist/main.js')))
    throw new OperatorError(`${root} was not built.`, `cd '${root}' && script/setup --demo`);
  const hash = createHash('sha256');
  for (const part of named)
    for (const file of filesBelow(root, part))
      hash.update(`${file}\0`).update(readFileSync(join(root, file)));
  return `${programVersion()}-${hash.digest('hex').slice(0, 12)}`;
}

function filesBelow(root: string, part: string): string[] {
  const path = join(root, part);
  if (!lstatSync(path).isDirectory()) return [part];
  return readdirSync(path)
    .sort()
    .filter((name) => name !== 'compile-cache')
    .flatMap((name) => filesBelow(root, join(part, name)));
}

/**
 * Copies a program that was built to a folder of its own, root's and readable by everybody: as a whole or not at all. What it consists of, beside
 * its runtime, its package.json says (`files`). A copy that was broken off is made anew.
 * @throws OperatorError, or the file system's error
 */
export async function makeRelease(path: string, root = programRoot): Promise<void> {
  const { files } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly files: readonly string[];
  };
  const unfinished = `${path}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(join(unfinished, 'node_modules/.bin'), { recursive: true });
  for (const part of [...files, ...always, runtime])
    cpSync(join(root, part), join(unfinished, part), {
      recursive: true,
      verbatimSymlinks: true,
      preserveTimestamps: true,
    });
  symlinkSync(
    `../${runtime.slice('node_modules/'.length)}/bin/node`,
    join(unfinished, 'node_modules/.bin/node'),
  );
  // The checkout may be somebody's own, or closed to others.
  await must(['chown', '-R', 'root:root', '--', unfinished]);
  await must(['chmod', '-R', 'u=rwX,go=rX', '--', unfinished]);
  await must(['sync', '--file-system', '--', unfinished]);
  renameSync(unfinished, path);
  syncFolder(dirname(path));
}
