// Bundles src/ into dist/, one file per program, so that a command starts without reading a hundred modules.
// Every child program has an entry of its own: it is started by path (src/effects/program-path.ts).
import { readdir, rm } from 'node:fs/promises';
import { build } from 'esbuild';

const programs = await readdir('src/programs');
await rm('dist', { recursive: true, force: true });
await build({
  entryPoints: {
    main: 'src/main.ts',
    ...Object.fromEntries(programs.map((name) => [name, `src/programs/${name}/main.ts`])),
  },
  outdir: 'dist',
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  sourcemap: 'linked',
  external: ['pg-native'],
  // pg is CommonJS and calls require() for node's own modules; ES modules have none unless it is made.
  banner: {
    js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
  },
  logLevel: 'warning',
});
