// Lint rules. Beside the type-aware standard ones there is one of our own kind: the layers of ARCHITECTURE.md.
// Arrows point one way: core <- effects <- store <- worker <- cli <- main.
import eslint from '@eslint/js';
import tseslint from 'typescript-eslint';

/** What each layer under src/ may import, beside itself: all others are forbidden. */
const mayImport = {
  core: [],
  config: ['core', 'effects'],
  effects: ['core'],
  store: ['core', 'effects'],
  'hot-paths': ['core', 'config', 'effects', 'store'],
  worker: ['core', 'config', 'effects', 'store', 'hot-paths'],
  tiering: ['core', 'config', 'effects', 'store', 'hot-paths', 'worker'],
  recovery: ['core', 'config', 'effects', 'store', 'hot-paths', 'worker', 'tiering'],
  autostart: ['core', 'config', 'effects', 'store', 'hot-paths', 'worker', 'tiering'],
  install: ['core', 'config', 'effects'],
  report: ['core', 'config', 'effects', 'store', 'hot-paths', 'worker', 'tiering'],
  legacy: ['core', 'config', 'effects', 'store', 'hot-paths', 'worker'],
  deploy: ['core', 'config', 'effects', 'store', 'hot-paths', 'worker', 'install'],
};
/** What runs as a process of its own, likewise; nothing imports from it. */
const programMayImport = {
  crawler: ['core', 'effects'],
  launcher: ['core', 'effects'],
  'storage-child': ['core', 'effects'],
  'jobs-child': ['core', 'effects', 'store', 'hot-paths', 'worker', 'recovery'],
};
const all = [...Object.keys(mayImport), 'programs', 'cli'];
const layers = Object.fromEntries(
  Object.entries(mayImport).map(([layer, allowed]) => [
    layer,
    all.filter((other) => other !== layer && !allowed.includes(other)),
  ]),
);

const onlyInMain = 'Only a main.ts ends its process; throw an error of src/core/errors.ts instead.';

/** `depth`: how many folders below src/ the importing file lies at least; fewer `../` stay inside the layer. */
function layerRule(layer, forbidden, files, depth) {
  const patterns = forbidden.map((name) => ({
    regex: `^(\\.\\./){${depth},}${name}/`,
    message: `src/${layer} must not import from src/${name}: arrows point one way (ARCHITECTURE.md).`,
  }));
  if (layer === 'core') {
    patterns.push({
      regex: '^(node:.*|[^./].*)$',
      message: 'src/core is pure: no node:*, no packages, no I/O (ARCHITECTURE.md).',
    });
  }
  return { files: [files], rules: { 'no-restricted-imports': ['error', { patterns }] } };
}

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/'] },
  eslint.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked, ...tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', package: 'node:test', name: ['test', 'it', 'describe', 'suite'] },
          ],
        },
      ],
      '@typescript-eslint/consistent-type-definitions': ['error', 'interface'],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      eqeqeq: 'error',
      'no-console': 'error',
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
    },
  },
  ...Object.entries(layers).flatMap(([layer, forbidden]) => [
    layerRule(layer, forbidden, `src/${layer}/*.ts`, 1),
    layerRule(layer, forbidden, `src/${layer}/*/**/*.ts`, 2),
  ]),
  layerRule('cli', ['programs'], 'src/cli/**/*.ts', 1),
  ...Object.entries(programMayImport).map(([name, allowed]) =>
    layerRule(
      `programs/${name}`,
      [
        ...all.filter((other) => other !== 'programs' && !allowed.includes(other)),
        ...Object.keys(programMayImport),
      ],
      `src/programs/${name}/**/*.ts`,
      1,
    ),
  ),
  {
    files: ['src/core/**/*.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        'process',
        'setTimeout',
        'setInterval',
        'fetch',
        'performance',
        'Buffer',
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: '`now` is an argument in core.' },
        { object: 'Math', property: 'random', message: 'Randomness is an argument in core.' },
      ],
      'no-restricted-syntax': [
        'error',
        {
          selector: 'NewExpression[callee.name="Date"][arguments.length=0]',
          message: '`now` is an argument in core.',
        },
      ],
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/main.ts', 'src/programs/*/main.ts', 'src/core/**'],
    rules: {
      'no-restricted-properties': ['error', { object: 'process', property: 'exit', message: onlyInMain }],
    },
  },
  {
    files: ['test/**/*.ts', 'lab/**/*.ts', 'bench/**/*.ts', 'demo/**/*.ts'],
    rules: {
      'no-console': 'off',
      'max-lines': ['error', { max: 500, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: ['*.js'],
    languageOptions: { globals: { process: 'readonly', console: 'readonly' } },
  },
);
