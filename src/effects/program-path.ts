import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** What runs as a process of its own: `src/programs/NAME/main.ts`, and an entry of its own in esbuild.config.js. */
export type ChildProgram = 'launcher' | 'storage-child' | 'jobs-child' | 'crawler';

/** Of this program, as package.json has it. */
export function programVersion(): string {
  const file = new URL(
    import.meta.url.endsWith('.ts') ? '../../package.json' : '../package.json',
    import.meta.url,
  );
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/**
 * The file of a child program: `dist/NAME.js` beside the bundle that runs now, or its source. Start it with
 * `process.execPath`, which runs both.
 */
export function programPath(name: ChildProgram): string {
  const file = import.meta.url.endsWith('.ts') ? `../programs/${name}/main.ts` : `./${name}.js`;
  return fileURLToPath(new URL(file, import.meta.url));
}

/**
 * For the environment of a child: its compiled source is kept beside the packages, or the bundle, and as trusted as they are.
 */
export const compileCache: Readonly<Record<string, string>> = {
  NODE_COMPILE_CACHE: fileURLToPath(
    new URL(
      import.meta.url.endsWith('.ts') ? '../../node_modules/.cache/compile' : 'compile-cache',
      import.meta.url,
    ),
  ),
};
