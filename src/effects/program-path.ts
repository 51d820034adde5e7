import { fileURLToPath } from 'node:url';

/** Our child programs; each is an entry of its own in esbuild.config.js. */
export type ChildProgram = 'launcher' | 'storage-child';

/**
 * The file of a child program, beside the one that runs now: `dist/NAME.js` from the bundle, `src/effects/NAME.ts` from
 * source. Start it with `process.execPath`, which runs both.
 */
export function programPath(name: ChildProgram): string {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return fileURLToPath(new URL(`./${name}.${extension}`, import.meta.url));
}
