// Bundles src/ into dist/, one file per program, so that a command starts without reading a hundred modules.
// Every child program has an entry of its own: it is started by path (src/effects/program-path.ts).
import { spawnSync } from 'node:child_process';
import { readdir, rm } from 'node:fs/promises';
import { build } from 'esbuild';

const programs = await readdir('src/programs');
await rm('dist', { recursive: true, force: true });
const options = {
  outdir: 'dist',
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  sourcemap: 'linked',
  // Less to read at every start; names stay, for the lines of a bug report.
  minifyWhitespace: true,
  minifySyntax: true,
  external: ['pg-native'],
  // pg is CommonJS and calls require() for node's own modules; ES modules have none unless it is made.
  banner: {
    js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
  },
  logLevel: 'warning',
};
// The program in pieces, so that a command loads what it needs; the others, which are started often, each as one file.
await build({ ...options, entryPoints: { main: 'src/main.ts' }, splitting: true, chunkNames: 'main-[hash]' });
await build({
  ...options,
  entryPoints: Object.fromEntries(programs.map((name) => [name, `src/programs/${name}/main.ts`])),
});

// What was compiled once need not be compiled at every start (https://nodejs.org/api/module.html#module-compile-cache). It is kept here, by whoever
// may write the programs themselves: who runs them later need not, and must not, be able to.
const starts = [
  ['main.js', '--help'],
  ['main.js', 'completion', 'bash'],
  ['main.js', 'jobs', 'list', '--config', '/dev/null'],
  ...programs.map((name) => [`${name}.js`]),
];
for (const [file, ...args] of starts)
  spawnSync(process.execPath, [`dist/${file}`, ...args], {
    stdio: 'ignore',
    env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: 'dist/compile-cache' },
    timeout: 60_000,
  });
